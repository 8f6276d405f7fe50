"""`what-if` and `decisive` on the command line: what they show, what they record, what they refuse."""

from __future__ import annotations

import json

import pytest
from guest.block_runs import running_modules

from .conftest import CONTRACTS

SLOT = "00" * 32


@pytest.fixture
def kept(run_json, recorded):
    """The call of keep('a text')."""
    return run_json("runs", "--limit", 3).objects[-1]["tx"]


@pytest.fixture
def asked(run_json, tmp_path):
    """A call with one block, which returns what a model and a page said."""
    with running_modules() as modules:
        places = ("--llm", modules.address, "--web", modules.address)
        address = run_json("deploy", CONTRACTS / "asking.py", *places).object["address"]
        return run_json("call", address, "ask", '"how?"', *places).object["tx"]


def answer(tmp_path, value):
    path = tmp_path / "answer.json"
    path.write_text(json.dumps(value))
    return path


def test_another_contract(run, run_json, kept, tmp_path):
    other = tmp_path / "other.py"
    other.write_text((CONTRACTS / "trouble.py").read_text().replace("def keep", "def kept"))
    told = run_json("what-if", kept, "--code", other)
    assert (told.code, told.err) == (0, "")
    found = told.object
    assert (found["recorded"]["result"]["kind"], found["supposed"]["result"]["kind"]) == (
        "return",
        "vm_error",
    )
    assert found["changed"] == ["result", "storage"]
    assert found["supposed"]["storage"] == []
    shown = run("what-if", kept, "--code", other)
    assert shown.code == 0
    assert "changed   result, storage" in shown.out
    assert "storage   kept[0]: recorded a text, supposed (absent)" in shown.out
    assert "no method" in shown.out or "Error" in shown.out


def test_a_field_by_its_name(run, run_json, trouble):
    """What is supposed and what it changes have the names of the source; nothing but text and JSON is shown."""
    tx = run_json("call", trouble, "add", 3).object["tx"]
    told = run_json("what-if", tx, "--storage", "count=100")
    assert (told.code, told.object["supposed"]["result"]["value"]) == (0, 103)
    [change] = told.object["storage_changes"]
    assert (change["place"], change["first"], change["second"]) == (
        "count",
        told.object["recorded"]["result"]["value"],
        103,
    )
    assert "storage   count: recorded" in run("what-if", tx, "--storage", "count=100").out
    many = run_json("what-if", tx, "--storage", "count=4", "--storage", 'kept=["=", "]"]')
    assert (many.code, many.object["supposed"]["result"]["value"]) == (0, 7)


def test_another_answer_and_its_record(run, run_json, asked, tmp_path):
    path = answer(tmp_path, {"return": ["no", "nothing"]})
    before = len(run_json("runs").objects)
    found = run_json("what-if", asked, "--answer", f"0={path}").object
    assert found["supposed"]["result"] == {"kind": "return", "value": ["no", "nothing"]}
    assert found["changed"] == ["result"]
    assert len(run_json("runs").objects) == before
    again = run_json("what-if", asked, "--answer", f"0={path}", "--record").object
    assert again["recorded_tx"] != asked
    assert len(run_json("runs").objects) == before + 1
    assert run_json("replay", again["recorded_tx"]).object["identical"] is True
    assert len(run_json("replay", asked).objects) == 1
    failed = run_json("what-if", asked, "--answer", f"0={answer(tmp_path, {'vm_error': 'timeout'})}").object
    assert failed["supposed"]["result"] == {"kind": "vm_error", "value": "timeout"}
    assert "supposed" in run("what-if", asked, "--answer", f"0={path}").out


def test_what_nobody_knows_ends_the_run_and_is_told(run, run_json, kept, tmp_path):
    code = (CONTRACTS / "trouble.py").read_text()
    other = tmp_path / "other.py"
    asking = "gl.get_contract_at(Address(b'o' * 20)).view().x()"
    name = "def keep(self, text: str) -> int:"
    assert name in code
    other.write_text(code.replace(name, f"{name}\n        {asking}", 1))
    told = run_json("what-if", kept, "--code", other)
    assert told.code == 1
    assert "it reads 4 bytes at 0 of slot" in told.object["refused"]
    assert "the record has no answer" in run("what-if", kept, "--code", other).out


def test_decisive_tells_the_table_and_the_smallest_set(run, run_json, kept, asked):
    found = run_json("decisive", asked).object
    assert (found["smallest"], found["replaced_by"], found["complete"]) == ([0], "error", True)
    assert [(row["call_no"], row["replaced_by"], row["decisive"]) for row in found["table"]] == [
        (0, "empty", False),
        (0, "error", True),
    ]
    shown = run("decisive", asked)
    assert shown.code == 0
    assert "the result hangs on block 0: error flips it" in shown.out
    assert run("decisive", kept).out == "the run has no nondeterministic answers\n"


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "say what is to be changed"),
        (["--answer", "0"], "two parts with ="),
        (["--answer", "x=y"], "'x' is no number"),
        (["--answer", "0=/nowhere"], "can't read the answer /nowhere"),
        (["--answer", "0=BAD"], "not one of"),
        (["--answer", "5=GOOD"], "has no nondeterministic block 5"),
        (["--storage", f"{SLOT}=zz"], "no hex digits"),
        (["--storage", "00=00"], "a slot has 64 hex digits, not 2"),
        (["--storage", f"{SLOT}:x=00"], "'x' is no number"),
        (["--storage", f"{SLOT}:4294967295=0000"], "none behind 2**32"),
        (["--storage", "keptt=1"], "the contract has no field keptt; its fields: count, kept"),
        (["--storage", "count=x"], "'x' is no JSON value"),
        (["--storage", "count=-1"], "count is a u32"),
        (["--storage", "count=1", "--storage", "count=2"], "count is given twice"),
        (["--storage", f"{SLOT}=00", "--storage", f"{SLOT}=01"], "is given twice"),
        (["--balance", "0x00=1"], "0x00"),
        (["--balance", f"0x{'00' * 20}=-1"], "no number"),
        (["--balance", f"0x{'00' * 20}={2**256}"], "2**256 - 1"),
        (["--code", "/nowhere"], "can't read the contract"),
        (["--run", "77", "--balance", f"0x{'00' * 20}=1"], "has no run 77"),
    ],
)
def test_what_makes_no_sense_is_refused(run, kept, tmp_path, words, text):
    good = answer(tmp_path, {"return": 1})
    bad = tmp_path / "bad.json"
    bad.write_text('{"other": 1}')
    told = run("what-if", kept, *[w.replace("GOOD", str(good)).replace("BAD", str(bad)) for w in words])
    assert told.code == 2, told
    assert text in told.err
