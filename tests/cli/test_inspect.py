"""`runs` and `show`."""

from __future__ import annotations


def test_runs_newest_first(run_json, recorded):
    told = run_json("runs").objects
    assert [one["run"] for one in told] == [5, 4, 3, 2, 1]
    assert [one["method"] for one in told] == ["crash", "refuse", "keep", "add", None]
    assert [one["kind"] for one in told] == ["vm_error", "user_error", "return", "return", "return"]
    assert [one["run"] for one in run_json("runs", "--limit", 2).objects] == [5, 4]


def test_runs_of_a_contract(run_json, run, trouble):
    assert len(run_json("runs", "--contract", trouble.lower()).objects) == 5
    none = run("runs", "--contract", "0x" + "00" * 20)
    assert (none.code, none.out) == (0, "")


def test_the_table_names_what_the_next_command_needs(run, trouble):
    lines = run("runs").out.splitlines()
    assert lines[0].split()[:4] == ["run", "tx", "contract", "method"]
    assert trouble in lines[1]
    assert "(deploy)" in lines[5]
    assert run("show", lines[1].split()[1]).code == 0


def test_show_tells_what_a_re_run_needs(run_json, run, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    told = run_json("show", tx).object
    assert told["result"] == {"kind": "vm_error", "value": "exit_code 1"}
    assert told["pins"].keys() >= {"runtime", "code_module", "sdk", "engine"}
    assert told["limits"]["deadline_ms"] == 60_000
    assert told["message"]["contract_address"] == told["contract"].lower()
    text = run("show", tx).out
    for value in (tx, told["root"], told["storage_hash"], told["pins"]["sdk"]):
        assert value in text


def test_events_follow_their_run_one_a_line(run_json, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    told, *events = run_json("show", tx, "--events").objects
    assert [event["seq"] for event in events] == list(range(told["event_count"]))
    kinds = {event["kind"] for event in events}
    assert kinds >= {
        "storage_read/1",
        "storage_write/1",
        "get_calldata/1",
        "write_stream/1",
        "consume_result/1",
    }
    last = events[-1]
    assert last == {
        "line": "main",
        "seq": len(events) - 1,
        "kind": "consume_result/1",
        "request": {"payload": last["request"]["payload"]},
        "answer": {"error": 0, "value": None},
    }
    assert last["request"]["payload"].startswith("0x02")


def test_people_see_events_short_and_text_as_text(run, run_json, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    lines = run("show", tx, "--line", "main").out.splitlines()
    assert any("write_stream stream=stderr data=" in line and "RuntimeError" in line for line in lines)
    assert max(map(len, lines)) < 400


def test_a_line_that_is_not_there(run, run_json, recorded):
    tx = run_json("runs", "--limit", 1).object["tx"]
    told = run("show", tx, "--line", "nondet:0")
    assert (told.code, "its lines: main" in told.err) == (2, True)


def test_show_has_the_traceback_of_a_failed_run(run_json, run, recorded):
    """File, line and message, out of the record alone; a run that returned has none."""
    tx = run_json("runs", "--limit", 1).object["tx"]
    stderr = run_json("show", tx).object["stderr"]
    assert stderr.startswith("Traceback (most recent call last):\n")
    assert 'File "/contract.py", line 58, in crash' in stderr
    assert stderr.rstrip().endswith("RuntimeError: crashed on purpose")
    assert stderr in run("show", tx).out
    returned = run_json("runs").objects[2]["tx"]
    assert run_json("show", returned).object["stderr"] == ""
