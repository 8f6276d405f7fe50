"""`deploy` and `call`: what comes out of a contract, for people and for programs."""

from __future__ import annotations

import pytest
from guest.block_runs import running_modules

from .conftest import CONTRACTS

DEPLOYED_KEYS = {"tx", "address", "result", "stdout", "stderr", "root", "events", "fuel_used", "interrupted"}


def test_deploy_and_call_go_from_one_state_to_the_next(run_json):
    deployed = run_json("deploy", CONTRACTS / "trouble.py", "5")
    assert (deployed.code, deployed.err) == (0, "")
    assert deployed.object.keys() >= DEPLOYED_KEYS | {"cause", "traceback"}
    assert deployed.object["result"] == {"kind": "return", "value": None}
    address = deployed.object["address"]
    assert run_json("call", address, "add", "3").object["result"] == {"kind": "return", "value": 8}
    assert run_json("call", address, "get", "--view").object["result"] == {"kind": "return", "value": 8}


def test_ids_are_hex_and_addresses_checksummed(run_json):
    deployed = run_json("deploy", CONTRACTS / "trouble.py").object
    assert len(deployed["tx"]) == len(deployed["root"]) == 66
    assert deployed["tx"].startswith("0x")
    assert deployed["address"] != deployed["address"].lower()


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("-7", -7),
        ("null", None),
        ('"text"', "text"),
        ('[1, {"a": true}]', [1, {"a": True}]),
        ('{"$bytes": "00ff"}', {"$bytes": "00ff"}),
        (
            '{"$address": "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"}',
            {"$address": "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"},
        ),
        (str(10**60), 10**60),
    ],
)
def test_arguments_are_json_values_and_come_back_as_such(run_json, trouble, typed, value):
    assert run_json("call", trouble, "echo", typed).object["result"]["value"] == value


def test_keyword_arguments(run_json, trouble):
    assert (
        run_json("call", trouble, "add", "3", "--kwargs", '{"twice": true}').object["result"]["value"] == 14
    )


def test_sender_and_time_reach_the_contract(run_json, trouble):
    sender = "0x0101010101010101010101010101010101010101"
    assert run_json("call", trouble, "who", "--sender", sender).object["result"]["value"] == {
        "$address": sender
    }
    when = run_json("call", trouble, "when", "--datetime", "2030-01-01T00:00:00.5+02:00")
    assert when.object["result"]["value"] == "2029-12-31T22:00:00.500Z"


def test_value_is_refused_by_a_method_that_takes_none(run_json, trouble):
    refused = run_json("call", trouble, "get", "--value", "5")
    assert (refused.code, refused.object["result"]["kind"]) == (1, "vm_error")
    assert "payable" in refused.object["stderr"]


def test_a_view_can_not_write(run_json, trouble):
    assert run_json("call", trouble, "add", "1", "--view").code == 1
    assert run_json("call", trouble, "get").object["result"]["value"] == 8


@pytest.mark.parametrize(
    ("words", "kind", "value"),
    [
        (("refuse", '"not you"'), "user_error", "not you"),
        (("crash",), "vm_error", "exit_code 1"),
        (("leave", "3"), "vm_error", "exit_code 3"),
    ],
)
def test_a_failure_has_its_kind_and_exit_code_1_and_changes_nothing(run_json, trouble, words, kind, value):
    failed = run_json("call", trouble, *words)
    assert failed.code == 1
    assert failed.object["result"] == {"kind": kind, "value": value}
    assert run_json("call", trouble, "get").object["result"]["value"] == 8


def test_what_a_contract_prints_is_given_apart(run_json, run, trouble):
    said = run_json("call", trouble, "say", '"to out"', '"to err"').object
    assert (said["stdout"], said["stderr"]) == ("to out\n", "to err\n")
    told = run("call", trouble, "say", '"to out"', '"to err"')
    assert told.out.startswith("to out\n")
    assert told.err == "to err\n"


def test_a_contract_can_not_steer_the_terminal(run, trouble):
    told = run("call", trouble, "say", '"\\u001b[2J\\u009b\\u202e"', '"\\u001b]0;title\\u0007"')
    assert "\\x1b[2J\\x9b\\u202e" in told.out
    assert not set(told.out + told.err) & set("\x1b\x9b\u202e\x07")


def test_people_see_the_guests_traceback_and_how_it_ended(run, trouble):
    told = run("call", trouble, "crash")
    assert told.code == 1
    assert "RuntimeError: crashed on purpose" in told.err
    assert "vm_error exit_code 1" in told.out


def test_people_are_not_given_an_address_without_a_contract(run, tmp_path):
    (tmp_path / "broken.py").write_text("nothing")
    told = run("deploy", tmp_path / "broken.py")
    assert told.code == 1
    assert "not deployed" in told.out
    assert "the first line must name a runner" in told.out


def test_an_integer_too_long_to_print_comes_as_calldata(run_json, trouble):
    assert run_json("call", trouble, "power", "20000").object["result"]["value"].keys() == {"$calldata"}


def test_a_wasm_contract_needs_no_python(run_json, tmp_path):
    import wasmtime

    (tmp_path / "empty.wasm").write_bytes(
        wasmtime.wat2wasm('(module (memory (export "memory") 1) (func (export "_start")))')
    )
    assert run_json("deploy", tmp_path / "empty.wasm").object["result"] == {"kind": "return", "value": None}


def test_modules_are_found_by_option_or_variable(run, run_json, monkeypatch):
    """Their answers are in the journal: the replay needs none. Where there is no module, the error says where it was sought."""
    with running_modules() as modules:
        monkeypatch.setenv("GENVM_REPLAY_LLM", modules.address)
        address = run_json("deploy", CONTRACTS / "asking.py").object["address"]
        called = run_json("call", address, "ask", '"how?"', "--web", modules.address)
    assert called.object["result"] == {"kind": "return", "value": ["yes", "page http://a"]}
    assert run_json("replay", called.object["tx"]).object["identical"] is True
    shown = run("show", called.object["tx"], "--line", "nondet:0").out
    assert 'module_call module=llm message={"Prompt":{"payload":{"images":[],"prompt":"how?",' in shown
    assert '-> {"Ok":{"consumed_gen":1,"data":"yes"}}' in shown
    monkeypatch.setenv("GENVM_REPLAY_LLM", "ws://127.0.0.1:1")
    failed = run("call", address, "ask", '"how?"')
    assert (failed.code, failed.out) == (3, "")
    assert failed.err.startswith(
        "error: the contract needs the llm module: no answer from ws://127.0.0.1:1: "
    )
    assert len(run_json("runs").objects) == 2
