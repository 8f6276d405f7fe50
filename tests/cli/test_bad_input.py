"""Whatever a user or a contract gets wrong: a clear message and the documented exit code, never a traceback of ours."""

from __future__ import annotations

import sqlite3

import pytest

from genvm_replay.cli.arguments import CONTRACT_BYTES_MAX

from .conftest import CONTRACTS, start, wait

NOBODY = "0x00000000000000000000000000000000000000ff"
WRONG_USAGE = [
    (("nosuch",), "No such command 'nosuch'"),
    (("runs", "--nosuch"), "o such option"),
    (("deploy", "/nowhere/contract.py"), "can't read the contract /nowhere/contract.py"),
    (("deploy", "/"), "can't read the contract /"),
    (("deploy", CONTRACTS / "trouble.py", "GOLD"), "for a string write '\"GOLD\"'"),
    (("deploy", CONTRACTS / "trouble.py", "1.5"), "no fractions"),
    (("deploy", CONTRACTS / "trouble.py", "NaN"), "no calldata form"),
    (("deploy", CONTRACTS / "trouble.py", "[" * 600 + "]" * 600), "nested"),
    (("deploy", CONTRACTS / "trouble.py", "[" * 90_000), "not a JSON value"),
    (("deploy", CONTRACTS / "trouble.py", '"\\ud800"'), "surrogate"),
    (("deploy", CONTRACTS / "trouble.py", '{"$address": "0x12"}'), "not an address"),
    (("deploy", CONTRACTS / "trouble.py", "--nosuch"), "there is no option '--nosuch'"),
    (("deploy", CONTRACTS / "trouble.py", "--kwargs", "[]"), "--kwargs wants one JSON object"),
    (("deploy", CONTRACTS / "trouble.py", "--value", "-1"), "not in the range"),
    (("deploy", CONTRACTS / "trouble.py", "--value", 2**64), "not in the range"),
    (("deploy", CONTRACTS / "trouble.py", "--fuel", "0"), "not in the range"),
    (("deploy", CONTRACTS / "trouble.py", "--deadline", "nan"), "--deadline"),
    (("deploy", CONTRACTS / "trouble.py", "--memory-limit", "5GB"), "such as 64MiB"),
    (("deploy", CONTRACTS / "trouble.py", "--memory-limit", "4GiB"), "such as 64MiB"),
    (("deploy", CONTRACTS / "trouble.py", "--sender", "me"), "not an address: 'me'"),
    (("deploy", CONTRACTS / "trouble.py", "--datetime", "today"), "not a time: 'today'"),
    (("deploy", CONTRACTS / "trouble.py", "--datetime", "1969-12-31T23:59:59Z"), "from 1970 on"),
    (("deploy", CONTRACTS / "trouble.py", "--datetime", "0001-01-01T00:00:00+14:00"), "not a time"),
    (
        ("deploy", CONTRACTS / "trouble.py", "--llm", "models:80"),
        "no address of a module, such as ws://127.0.0.1:3031",
    ),
    (
        ("deploy", CONTRACTS / "trouble.py", "--web", "http://a"),
        "no address of a module, such as ws://127.0.0.1:3032",
    ),
    (("call", "somewhere", "get"), "not an address: 'somewhere'"),
    (("call", NOBODY, "get"), "no contract at"),
    (("call", NOBODY, "a\nb"), "no name of a method"),
    (("replay",), "give a transaction, or --all"),
    (("replay", "--all", "0x1234"), "give a transaction, or --all"),
    (("replay", "--all", "--build", "slow"), "not one of"),
    (("replay", "0x1234567890"), "there is no transaction 0x1234567890"),
    (("show", "12"), "4 to 64 hex digits"),
    (("show", "not hex"), "4 to 64 hex digits"),
    (("show", "0x1234567890"), "there is no transaction 0x1234567890"),
    (("verify", "0x1234567890"), "there is no transaction 0x1234567890"),
    (("runs", "--contract", "x"), "not an address"),
    (("runs", "--limit", "0"), "not in the range"),
    (("--db", "mysql://x", "runs"), "not supported"),
    (("--db", ":memory:", "runs"), "not the path of a database file"),
]


@pytest.mark.parametrize(("words", "said"), WRONG_USAGE, ids=lambda value: str(value)[-60:])
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(run, recorded, words, said):
    told = run(*words)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert said in told.err
    assert "Traceback" not in told.err
    assert len(told.err) < 1000


def test_with_json_an_error_is_an_object_too(run_json, recorded):
    told = run_json("show", "0x1234567890")
    assert told.object["error"]["kind"] == "usage"
    assert told.object["error"]["message"] in told.err


def test_a_file_larger_than_any_contract_is_refused(run, tmp_path):
    with (tmp_path / "large.py").open("wb") as file:
        file.truncate(CONTRACT_BYTES_MAX + 1)
    told = run("deploy", tmp_path / "large.py")
    assert (told.code, "larger than 16 MiB" in told.err) == (2, True)


def test_a_syntax_error_is_shown_with_its_line(run, tmp_path):
    header = '# { "Depends": "py-genlayer:test" }\n'
    (tmp_path / "broken.py").write_text(f"{header}from genlayer import *\nclass A(gl.Contract)\n    pass\n")
    told = run("deploy", tmp_path / "broken.py")
    assert told.code == 1
    assert 'File "/contract.py", line 3' in told.err
    assert "SyntaxError" in told.err


def test_an_endless_loop_ends_at_its_deadline_and_says_where_it_was(run_json, trouble):
    stopped = run_json("call", trouble, "spin", "--deadline", "0.5")
    assert stopped.code == 1
    assert stopped.object["result"] == {"kind": "vm_error", "value": "timeout"}
    assert stopped.object["interrupted"] is True
    assert "in spin" in stopped.object["traceback"]


def test_an_endless_loop_ends_when_its_fuel_is_used_up(run_json, trouble):
    stopped = run_json("call", trouble, "spin", "--fuel", 50_000_000)
    assert stopped.code == 1
    assert stopped.object["result"] == {"kind": "vm_error", "value": "wasm_trap OutOfFuel"}
    assert stopped.object["fuel_used"] == 50_000_000
    assert stopped.object["interrupted"] is False


@pytest.mark.parametrize("words", [("eat", "300"), ("hoard",)])
def test_memory_ends_at_its_limit(run_json, trouble, words):
    stopped = run_json("call", trouble, *words, "--memory-limit", "64MiB")
    assert (stopped.code, stopped.object["result"]["kind"]) == (1, "vm_error")
    assert "MemoryError" in stopped.object["stderr"]


def test_deep_recursion_is_the_contracts_own_error(run_json, trouble):
    stopped = run_json("call", trouble, "dive")
    assert (stopped.code, stopped.object["result"]["kind"]) == (1, "vm_error")
    assert "RecursionError" in stopped.object["stderr"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add",), "missing 1 required positional argument: 'amount'"),
        (("add", '"x"'), "TypeError"),
        (("add", "1", "--kwargs", '{"nosuch": 1}'), "nosuch"),
        (("nosuch",), "has no method 'nosuch'"),
        (("__init__",), "reserved"),
    ],
)
def test_a_wrong_call_is_told_by_the_contract(run_json, trouble, words, said):
    told = run_json("call", trouble, *words)
    assert (told.code, told.object["result"]["kind"]) == (1, "vm_error")
    assert said in told.object["stderr"]


@pytest.mark.parametrize("depth", [100, 300, 480, 600])
def test_a_deeply_nested_result_is_a_result_or_the_contracts_error(run_json, trouble, depth):
    told = run_json("call", trouble, "nest", depth)
    assert told.object["result"]["kind"] in ("return", "vm_error")


def test_a_database_of_another_program_is_left_alone(run, tmp_path):
    other = tmp_path / "other.db"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
    connection.close()
    before = other.read_bytes()
    told = run("--db", other, "deploy", CONTRACTS / "trouble.py")
    assert (told.code, told.out) == (3, "")
    assert "database of another program" in told.err
    assert other.read_bytes() == before


def test_a_file_that_is_no_database(run, tmp_path):
    (tmp_path / "notes.txt").write_text("nothing of the kind " * 100)
    told = run("--db", tmp_path / "notes.txt", "runs")
    assert (told.code, "not an SQLite database" in told.err) == (3, True)


@pytest.mark.parametrize("words", [("runs",), ("verify",), ("replay", "--all"), ("show", "0x1234")])
def test_reading_creates_no_database(run, tmp_path, words):
    told = run("--db", tmp_path / "new.db", *words)
    assert (told.code, "there is no journal here" in told.err) == (3, True)
    assert not list(tmp_path.glob("new.db*"))


def test_a_cache_that_can_not_be_made(run, tmp_path):
    (tmp_path / "file").write_text("")
    told = run("--cache", tmp_path / "file" / "cache", "schema", CONTRACTS / "trouble.py")
    assert (told.code, "the cache can't be used" in told.err) == (3, True)


def test_a_read_only_database_can_be_read_and_not_written(recorded, as_user):
    recorded.chmod(0o444)
    recorded.parent.chmod(0o555)
    try:
        told = wait(start("deploy", CONTRACTS / "trouble.py", before=as_user))
        assert (told.code, told.out) == (3, "")
        assert "can't be written" in told.err
        listed = wait(start("--json", "runs", before=as_user))
        assert (listed.code, len(listed.objects)) == (0, 5)
        replayed = wait(start("--json", "replay", "--all", before=as_user))
        assert (replayed.code, [one["identical"] for one in replayed.objects]) == (0, [True] * 5)
    finally:
        recorded.parent.chmod(0o755)
