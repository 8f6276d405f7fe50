"""A node in one database: state, balances, failures, conflicts, and equal bytes for equal transactions."""

from __future__ import annotations

from pathlib import Path

import pytest

from genvm_replay.calldata import Address
from genvm_replay.errors import UsageError
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import (
    GetBalance,
    PostEvent,
    ReadClock,
    ReadRandom,
    TraceMessage,
    WriteStream,
)
from genvm_replay.replay.local_node import DEFAULT_SENDER, CallOptions, LocalNode
from genvm_replay.replay.workbench import Workbench

from .contracts import EVERYTHING, HEADER, STORAGE, failure, value

AT = CallOptions(datetime="2026-01-02T03:04:05.678Z")
OTHER = Address(bytes(range(20)))


def test_state_lives_between_transactions(node: LocalNode) -> None:
    """What one call writes the next one reads; a view changes nothing."""
    deployed = node.deploy(STORAGE.encode(), [5])
    assert value(deployed) is None
    assert value(node.call(deployed.address, "put", ["a", 7, ["x", "y"]])) == 1
    assert value(node.call(deployed.address, "note", ["a", 0])) is None
    assert value(node.call(deployed.address, "nest", [3, "n", [1, -2]])) == -1
    expected = {
        "total": 12,
        "entries": {"a": ["a", 7, ["x", "y"]]},
        "log": [["A", 7]],
        "nested": {"3": {"n": [1, -2]}},
        "owner": DEFAULT_SENDER,
    }
    assert value(node.call(deployed.address, "dump", view=True)) == expected


def test_a_failed_call_changes_nothing_but_is_recorded(node: LocalNode, bench: Workbench) -> None:
    """User errors and exceptions: the writes before them are gone, the run stays."""
    code = HEADER + (
        "class C(gl.Contract):\n    n: u8\n"
        "    @gl.public.write\n    def fail(self, how: int):\n        self.n = 9\n"
        "        if how: raise gl.vm.UserError('user')\n        raise ValueError('exception')\n"
        "    @gl.public.view\n    def get(self) -> int:\n        return self.n\n"
    )
    address = node.deploy(code.encode()).address
    assert failure(node.call(address, "fail", [1])) == ("user_error", "user")
    failed = node.call(address, "fail", [0])
    assert failure(failed) == ("vm_error", "exit_code 1")
    assert 'File "/contract.py", line 10, in fail' in failed.streams.stderr.decode()
    assert value(node.call(address, "get", view=True)) == 0
    assert [run.kind for run in bench.store.list_runs()] == ["return", "vm_error", "user_error", "return"]


def test_a_failed_constructor_leaves_no_contract(node: LocalNode) -> None:
    """Its address stays empty, and a later deployment gets another one."""
    code = HEADER + "class C(gl.Contract):\n    def __init__(self):\n        raise gl.vm.UserError('never')\n"
    failed = node.deploy(code.encode())
    assert failure(failed) == ("user_error", "never")
    with pytest.raises(UsageError, match="no contract at"):
        node.call(failed.address, "anything")
    assert node.deploy(STORAGE.encode()).address != failed.address


def test_a_view_can_not_write(node: LocalNode) -> None:
    """storage_write answers 6 (forbidden): an ordinary exception in the contract."""
    address = node.deploy(STORAGE.encode()).address
    failed = node.call(address, "put", ["a", 1, []], view=True)
    assert failure(failed) == ("vm_error", "exit_code 1")
    assert "6: forbidden" in failed.streams.stderr.decode()


def test_value_and_balances(node: LocalNode) -> None:
    """A payable call's value counts at once, stays after success, and is lost by nobody after a failure."""
    address = node.deploy(EVERYTHING.encode()).address
    pay = CallOptions(value=10**18, datetime=AT.datetime)
    first = value(node.call(address, "all", ["hi"], options=pay))
    assert isinstance(first, list)
    assert first[0] == "2026-01-02T03:04:05.678000+00:00"
    assert first[3] == 10**18
    assert value(node.call(address, "all", ["hi"], options=pay))[3] == 2 * 10**18  # type: ignore[index, call-overload]
    refused = node.call(address, "balance_of", [str(address)], options=pay)
    assert failure(refused) == ("vm_error", "exit_code 1"), "not payable"
    assert value(node.call(address, "balance_of", [str(address)], view=True)) == 2 * 10**18
    assert value(node.call(address, "balance_of", [str(OTHER)], view=True)) == 0


def test_every_crossing_is_recorded(node: LocalNode, bench: Workbench) -> None:
    """Streams, traces, events, clocks, random bytes and balances are in the journal with their answers."""
    address = node.deploy(EVERYTHING.encode()).address
    done = node.call(address, "all", ["hi"], options=AT)
    assert (done.streams.stdout, done.streams.stderr, done.streams.traces) == (
        b"out hi\n",
        b"err hi\n",
        ["tracing hi"],
    )
    events = list(bench.store.load_run(done.run_id).read_line("main"))
    requests = [event.request for event in events]
    assert WriteStream(1, b"out hi\n") in requests
    assert WriteStream(2, b"err hi\n") in requests
    assert TraceMessage("tracing hi") in requests
    assert GetBalance(address.raw) in requests
    assert {PostEvent, ReadClock, ReadRandom} <= {type(request) for request in requests}
    assert {event.answer.value for event in events if isinstance(event.request, ReadClock)} == {
        1767323045678000000
    }


def test_equal_transactions_give_equal_bytes(runtime: PythonRuntime, tmp_path: Path) -> None:
    """Two databases, the same transactions at the same times: the same ids, addresses and roots."""
    seen = []
    for name in ("one.db", "two.db"):
        with open_database(tmp_path / name, durability="normal") as store:
            bench = Workbench(store, lambda: runtime)
            node = LocalNode(bench)
            deployed = node.deploy(EVERYTHING.encode(), options=AT)
            called = node.call(deployed.address, "all", ["hi"], options=AT)
            seen.append([(run.tx, run.root, run.address) for run in (deployed, called)])
            bench.close()
    assert seen[0] == seen[1]
    assert seen[0][0] != seen[0][1]


def test_nobodys_change_is_lost(
    runtime: PythonRuntime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction whose state another process changed meanwhile is run again on the new state."""
    path = tmp_path / "shared.db"
    with open_database(path, durability="normal") as mine, open_database(path, durability="normal") as theirs:
        here, there = Workbench(mine, lambda: runtime), Workbench(theirs, lambda: runtime)
        address = LocalNode(here).deploy(STORAGE.encode()).address
        execute, attempts = here.execute, []

        def intrude(*args: object, **kwargs: object) -> object:
            if not attempts:
                options = CallOptions(sender=OTHER)
                value(LocalNode(there).call(address, "put", ["theirs", 1, []], options=options))
            attempts.append(1)
            return execute(*args, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(here, "execute", intrude)
        assert value(LocalNode(here).call(address, "put", ["mine", 2, []])) == 2
        assert len(attempts) == 2
        dump = value(LocalNode(there).call(address, "dump", view=True))
        assert dump["total"] == 3  # type: ignore[call-overload, index]
        here.close()
        there.close()


@pytest.mark.parametrize("place", ["/py/", "/usr/local/lib/python315.zip/x", "/py/libs"])
def test_files_where_the_runtime_has_its_own(node: LocalNode, place: str) -> None:
    """A contract that maps a file over a folder of the runtime, or below one of its files, is invalid."""
    mapped = f'{{"MapFile": ["{place}", "file"]}}'
    refused = node.deploy(f'# {{"Seq": [{mapped}, {{"Depends": "py-genlayer:test"}}]}}\n'.encode())
    kind, text = failure(refused)
    assert (kind, text) == ("vm_error", "invalid_contract")
    assert refused.report.outcome.cause.startswith("MapFile: /")
