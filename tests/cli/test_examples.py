"""The contracts in examples/ do what their README line says, and replay."""

from __future__ import annotations

import json
from pathlib import Path

from guest.block_runs import running_modules

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_every_example_is_in_the_readme():
    readme = (EXAMPLES / "README.md").read_text()
    for path in EXAMPLES.glob("*.py"):
        assert f"({path.name})" in readme


def test_hello(run_json):
    address = run_json("deploy", EXAMPLES / "hello.py", '"Hello"').object["address"]
    assert run_json("call", address, "greet", '"Ada"').object["result"]["value"] == "Hello, Ada!"
    assert (
        run_json("call", address, "greet", '"Ada"').object["result"]["value"] == "Hello, Ada! (2 times now)"
    )
    assert run_json("call", address, "guests", "--view").object["result"]["value"] == {"Ada": 2}
    assert run_json("replay", "--all").code == 0


def test_auction(run_json):
    deployed = run_json("deploy", EXAMPLES / "auction.py", '"a painting"', '"2026-12-31T12:00:00Z"').object
    address, noon = deployed["address"], ("--datetime", "2026-12-31T11:59:59.5Z")
    assert run_json("call", address, "bid", "--value", 10, *noon).object["result"]["value"] == 1
    low = run_json("call", address, "bid", "--value", 10, *noon).object
    assert low["result"] == {"kind": "user_error", "value": "the highest bid is 10"}
    late = run_json("call", address, "bid", "--value", 11, "--datetime", "2026-12-31T12:00:00Z").object
    assert late["result"] == {"kind": "user_error", "value": "the auction ended at 2026-12-31T12:00:00Z"}
    leader = run_json("call", address, "leader", "--view").object["result"]["value"]
    assert (leader["amount"], leader["bids"], leader["at"]) == (10, 1, "2026-12-31T11:59:59.500Z")
    assert run_json("replay", "--all").code == 0


def test_token_and_vault(run_json):
    token = run_json("deploy", EXAMPLES / "token.py", 1000).object
    sender = {"$address": run_json("show", token["tx"]).object["message"]["sender_address"]}
    there = json.dumps({"$address": token["address"]})
    vault = run_json("deploy", EXAMPLES / "vault.py", there, 100).object["address"]
    poor = run_json("call", vault, "deposit", "--value", 7, "--sender", "0x" + "01" * 20).object["result"]
    assert poor == {"kind": "user_error", "value": f"100 tokens are needed, 0x{'01' * 20} has 0"}
    assert run_json("call", vault, "deposit", "--value", 7).object["result"]["value"] == 7
    given = run_json("call", token["address"], "transfer", json.dumps({"$address": vault}), 2).object
    [moved] = given["emitted_events"]
    assert moved["blob"]["amount"] == 2
    paid, bonus = run_json("call", vault, "withdraw", 5, "--deliver").objects
    assert [(sent["kind"], sent["value"]) for sent in paid["messages"]] == [("eth_send", 5), ("message", 0)]
    assert (bonus["parent"], bonus["result"]["kind"]) == (paid["tx"], "return")
    assert run_json("call", vault, "coins", "--view").object["result"]["value"] == 2
    held = run_json("call", token["address"], "balance_of", json.dumps(sender), "--view").object
    assert held["result"]["value"] == 1000
    assert run_json("replay", "--all").code == 0


def test_oracle(run_json):
    with running_modules() as modules:

        def web(asked):
            if "Render" in asked:
                return {"Ok": {"text": "everybody wants coffee"}}
            found = asked["Request"]["url"] == "https://prices.example/price/coffee"
            body = json.dumps({"usd": "3.14159"}).encode() if found else b""
            return {"Ok": {"response": {"status": 200 if found else 404, "headers": {}, "body": body}}}

        modules.web = web
        modules.llm = lambda asked: {"Ok": {"data": "Rising\n", "consumed_gen": 1}}
        at = ("--datetime", "2026-12-31T12:00:00Z", "--llm", modules.address, "--web", modules.address)
        address = run_json("deploy", EXAMPLES / "oracle.py", '"https://prices.example/"', *at).object[
            "address"
        ]
        price = {"cents": 314, "outlook": "rising", "at": "2026-12-31T12:00:00Z"}
        assert run_json("call", address, "update", '"coffee"', *at).object["result"]["value"] == price
        failed = run_json("call", address, "update", '"tea"', *at).object["result"]
    assert failed == {"kind": "user_error", "value": "https://prices.example/price/tea answers with 404"}
    assert run_json("call", address, "price", '"coffee"', "--view").object["result"]["value"] == price
    assert run_json("replay", "--all").code == 0


def test_similar_texts(run_json):
    address = run_json("deploy", EXAMPLES / "similar_texts.py").object["address"]
    texts = [
        ("Cats", "the cat sat on the mat"),
        ("Dogs", "a dog ran"),
        ("More cats", "the cat ate on the mat"),
    ]
    for number, article in enumerate(texts):
        published = run_json("call", address, "publish", *(f'"{part}"' for part in article)).object
        assert published["result"]["value"] == number
    found = run_json("call", address, "like", '"cat on the mat"', 2, "--view").object["result"]["value"]
    assert {article["title"] for article in found} == {"Cats", "More cats"}
    stranger = ("--sender", "0x" + "22" * 20)
    refused = run_json("call", address, "withdraw", found[0]["id"], *stranger).object["result"]
    assert refused == {"kind": "user_error", "value": "only who published an article can withdraw it"}
    assert run_json("call", address, "withdraw", found[0]["id"]).object["result"]["kind"] == "return"
    left = run_json("call", address, "like", '"cat on the mat"', 9, "--view").object["result"]["value"]
    assert [article["title"] for article in left] == [found[1]["title"], "Dogs"]
    assert run_json("replay", "--all").code == 0
