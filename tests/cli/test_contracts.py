"""`schema`."""

from __future__ import annotations

import json

from .conftest import CONTRACTS


def test_a_schema_is_printed_and_nothing_is_recorded(run_json, run, tmp_path):
    told = run_json("schema", CONTRACTS / "trouble.py")
    assert told.code == 0
    assert told.object["ctor"] == {"params": [["count", "int"]], "kwparams": {}}
    assert told.object["methods"]["add"] == {
        "params": [["amount", "int"]],
        "kwparams": {"twice": "bool"},
        "readonly": False,
        "ret": "int",
        "payable": False,
    }
    assert json.loads(run("schema", CONTRACTS / "trouble.py").out) == told.object
    assert not list(tmp_path.glob("journal.db*"))


def test_a_contract_without_a_schema(run, tmp_path):
    (tmp_path / "no.py").write_text('# { "Depends": "py-genlayer:test" }\nraise ValueError("not today")\n')
    told = run("schema", tmp_path / "no.py")
    assert told.code == 2
    assert "gives no schema" in told.err
    assert "ValueError: not today" in told.err


def test_code_that_is_no_contract(run, tmp_path):
    (tmp_path / "no.py").write_bytes(b"\xff\xfe")
    told = run("schema", tmp_path / "no.py")
    assert (told.code, "gives no schema" in told.err) == (2, True)
