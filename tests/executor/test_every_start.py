"""Every runner action and every VM error of spec/executor.md 2.4, in both modes where a mode can have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import wasmtime

from genvm_replay.calldata import Value
from genvm_replay.executor.contract_program import WASM_IMPORTS
from genvm_replay.executor.guest_thread import GuestThread
from genvm_replay.executor.runners.grammar import ACTIONS
from genvm_replay.executor.runners.nix_base32 import runner_hash
from genvm_replay.executor.runners.registry import Registry
from genvm_replay.executor.runners.tar_build import build_tar

from .endings import ENDINGS
from .entry_rows import BLOCK, OUT, PARAMS, VIEW
from .runners.archives import EMPTY_MODULE, zipped
from .talking import Talk
from .walking import FIELDS, MARK, Case, Outcome, archived, calling, importing, walk

FIELD = 16  # bytes that the probe prints of arguments, environment and the file /m
ARGS, ENV, FILE, PATH, READ = OUT, OUT + 128, OUT + 256, 13700, 13720
PROBE = [
    f"(memory.fill (i32.const {OUT}) (i32.const 0) (i32.const 512))",
    *(
        f"(drop {calling(PARAMS[name][1], name, *args)})"
        for name, args in (
            ("args_get", (ARGS + 64, ARGS)),
            ("environ_get", (ENV + 64, ENV)),
            ("path_open", (3, 0, PATH, 1, 0, 0, 0, 0, FILE + 64)),
            ("fd_read", (4, READ, 1, FILE + 64)),
        )
    ),
    *(f"(call $print (i32.const {at}) (i32.const {FIELD}))" for at in (ARGS, ENV, FILE)),
]
PROBE_DATA = f"""(data (i32.const {PATH}) "m")
  (data (i32.const {READ}) "\\00\\31\\00\\00\\10\\00\\00\\00")"""
MAIN = Talk(
    [*PROBE, "(call $mark (i32.const 0))", {"RunNondet": BLOCK}],
    stage=PROBE,
    imports=importing(WASM_IMPORTS),
    fields=PROBE_DATA + FIELDS,
).code()
LIBRARY = bytes(
    wasmtime.wat2wasm(
        """(module $lib
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\\10\\00\\00\\00\\04\\00\\00\\00")
  (data (i32.const 16) "lib!")
  (func (export "_initialize") (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"""
    )
)
FILES = {"main": MAIN, "text": b"from contract", "lib": LIBRARY, "nameless": EMPTY_MODULE}
TAR = build_tar({"runner.json": b'{"SetArgs": ["dep"]}', "text": b"from runner"})
RUNNER = f"lib:{runner_hash(TAR)}"
INVALID = "invalid_contract"
START: Value = {"StartWasm": "main"}


@pytest.fixture(scope="module")
def thread() -> GuestThread:
    return GuestThread()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """A folder with one runner."""
    folder: Path = tmp_path_factory.mktemp("runners")
    _, _, text = RUNNER.partition(":")
    path = folder / "lib" / text[:2] / f"{text[2:]}.tar"
    path.parent.mkdir(parents=True)
    path.write_bytes(TAR)
    return Registry(folder)


# 6.3. An action, and what the probe finds: what was printed before, arguments, environment, the file /m.
GOOD: list[tuple[str, Value, tuple[bytes, bytes, bytes, bytes]]] = [
    ("MapFile", {"MapFile": {"to": "m", "file": "text"}}, (b"", b"", b"", b"from contract")),
    ("MapFile", {"MapFile": ["/m", "text"]}, (b"", b"", b"", b"from contract")),
    ("AddEnv", {"AddEnv": {"name": "N", "val": "V${ENV[X]}"}}, (b"", b"", b"N=V\0", b"")),
    ("SetArgs", {"SetArgs": ["a", "b"]}, (b"", b"a\0b\0", b"", b"")),
    ("Depends", {"Depends": RUNNER}, (b"", b"dep\0", b"", b"")),
    ("LinkWasm", {"LinkWasm": "lib"}, (b"lib!", b"", b"", b"")),
    ("StartWasm", START, (b"", b"", b"", b"")),
    ("When", {"When": {"cond": "det", "action": {"Seq": []}}}, (b"", b"", b"", b"")),
    ("Seq", {"Seq": [{"SetArgs": ["a"]}, {"SetArgs": ["b"]}]}, (b"", b"a\0b\0", b"", b"")),
    ("With", {"With": {"runner": RUNNER, "action": {"MapFile": ["m", "text"]}}}, (b"", b"", b"", b"from runner")),
    ("With", {"With": {"runner": "<contract>", "action": {"MapFile": ["m", "text"]}}}, (b"", b"", b"", b"from contract")),
]  # fmt: skip
REFUSED: list[tuple[str, Value, str]] = [
    ("MapFile", {"MapFile": {"to": "m", "file": "absent"}}, INVALID),
    ("MapFile", {"Seq": [{"MapFile": ["m", "text"]}, {"MapFile": ["/m/n", "text"]}]}, INVALID),
    ("MapFile", {"MapFile": ["m"]}, INVALID),
    ("AddEnv", {"AddEnv": {"name": "N", "val": "${UNKNOWN}"}}, INVALID),
    ("AddEnv", {"AddEnv": {"name": "N", "value": ""}}, INVALID),
    ("SetArgs", {"SetArgs": [1]}, INVALID),
    ("Depends", {"Depends": "lib:absent"}, INVALID),
    ("Depends", {"Depends": "lib:latest"}, INVALID),
    ("Depends", {"Depends": "<contract>"}, INVALID),
    ("LinkWasm", {"LinkWasm": "nameless"}, "invalid_contract wasm"),
    ("LinkWasm", {"LinkWasm": "text"}, INVALID),
    ("LinkWasm", {"Seq": [{"LinkWasm": "lib"}, {"LinkWasm": "lib"}]}, INVALID),
    ("StartWasm", {"StartWasm": "absent"}, INVALID),
    ("StartWasm", {"StartWasm": "text"}, INVALID),
    ("StartWasm", {"StartWasm": "nameless"}, INVALID),
    ("When", {"When": {"cond": "never", "action": START}}, INVALID),
    ("Seq", {"Seq": [None]}, INVALID),
    ("With", {"With": {"runner": "lib:absent", "action": START}}, INVALID),
    ("SetEnv", {"SetEnv": {"name": "N", "val": "V"}}, INVALID),
]


def only(mode: str, action: Value) -> Value:
    """In one mode an action, then the start; in the other the start alone."""
    return {"Seq": [{"When": {"cond": mode, "action": action}}, START]}


def test_every_action_has_rows() -> None:
    """Good ones and refused ones."""
    assert {name for name, _, _ in GOOD} == ACTIONS.keys()
    assert {name for name, _, _ in REFUSED} >= ACTIONS.keys()


@pytest.mark.parametrize("mode", ["det", "nondet"])
@pytest.mark.parametrize(("action", "found"), [row[1:] for row in GOOD], ids=[row[0] for row in GOOD])
def test_actions(
    thread: GuestThread, registry: Registry, mode: str, action: Value, found: tuple[bytes, ...]
) -> None:
    """Each has its effect in its mode and none in the other."""
    ran = walk(thread, Case(archived(only(mode, action), **FILES), registry=registry))
    before, *fields = found
    effect, nothing = before + b"".join(field.ljust(FIELD, b"\0") for field in fields), bytes(3 * FIELD)
    main, stage = (effect, nothing) if mode == "det" else (nothing, effect)
    assert (ran.outcome, ran.out) == (("return", None), main + MARK + b"\0" + stage + bytes(3))


@pytest.mark.parametrize("mode", ["det", "nondet"])
@pytest.mark.parametrize(("action", "message"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_actions(
    thread: GuestThread, registry: Registry, mode: str, action: Value, message: str
) -> None:
    """A VM error of the run, whichever of its VMs can't start."""
    ran = walk(thread, Case(archived(only(mode, action), **FILES), registry=registry))
    assert ran.outcome == ("vm_error", message)


def module(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


BIG = module('(module (memory 65535) (func (export "_start")))')
OTHER_VM = Talk([{"CallContract": VIEW}])
TOO_NEW = EMPTY_MODULE + b"\x00\x14\x0dgenvm.versionv0.2.0"
Rows = list[tuple[str, str, Callable[[], Case]]]
# Message, mode, and a run that ends with it; those of one step stand in `endings`, those of the host in test_every_entry.
ERRORS: Rows = [
    ("OOM", "det", lambda: Case(archived({"StartWasm": "big"}, big=BIG))),
    ("OOM", "nondet", lambda: Case(archived(only("nondet", {"StartWasm": "big"}), big=BIG, **FILES))),
    ("version_too_big", "det", lambda: Case(TOO_NEW, gated=True)),
    (INVALID, "det", lambda: Case(archived({}))),
    (INVALID, "nondet", lambda: Case(archived(only("nondet", {"StartWasm": "text"}), **FILES))),
    (INVALID, "det", lambda: Case(b"# v0.1.0\n")),
    (INVALID, "det", lambda: Case(zipped({"a": b""}))),
    ("invalid_contract not_utf8_text", "det", lambda: Case(b"# \xff")),
    ("invalid_contract absent_runner_comment", "det", lambda: Case(b"")),
    ("invalid_contract absent_runner_comment", "det", lambda: Case(b"\n# {}")),
    ("invalid_contract absent_runner_comment", "det", lambda: Case(OTHER_VM.code())),
    ("invalid_contract not_utf8_text", "det", lambda: Case(OTHER_VM.code(), other=b"\xff")),
    ("invalid_contract wasm", "det", lambda: Case(archived({"LinkWasm": "nameless"}, **FILES))),
    ("invalid_contract wasm", "nondet", lambda: Case(archived(only("nondet", {"LinkWasm": "nameless"}), **FILES))),
    ("any text of a leader", "det", lambda: Case(Talk([{"RunNondet": BLOCK}]).code(), results=[b"\x02any text of a leader"])),
    ("exit_code 9", "det", lambda: Case(Talk([{"RunNondet": BLOCK}]).code(), results=[b"\x02exit_code 9"], sync=True)),
]  # fmt: skip


@pytest.mark.parametrize(("message", "case"), [(row[0], row[2]) for row in ERRORS])
def test_vm_errors(thread: GuestThread, message: str, case: Callable[[], Case]) -> None:
    """The run ends with exactly this message."""
    assert walk(thread, case()).outcome == ("vm_error", message)


@pytest.mark.parametrize("mode", ["main", "stage"])
def test_timeout(thread: GuestThread, mode: str) -> None:
    """A stop from outside, here while the host is asked for a balance, is `timeout` in either mode (1.6)."""
    loop = "(drop (call $x_get_balance (i32.const 700) (i32.const 800))) (loop $on (br $on))"
    steps = {"main": [{"RunNondet": BLOCK}], mode: [loop]}
    talk = Talk(**steps, imports=importing(WASM_IMPORTS))  # type: ignore[arg-type]
    assert walk(thread, Case(talk.code(), stopped_by="get_balance")).outcome == ("vm_error", "timeout")


REACHABLE = (
    "exit_code 1", "exit_code 125", "timeout", "OOM", "version_too_big", INVALID, "invalid_contract not_utf8_text",
    "invalid_contract absent_runner_comment", "invalid_contract wasm",
    *(f"wasm_trap {name}" for name in (
        "StackOverflow", "MemoryOutOfBounds", "TableOutOfBounds", "IndirectCallToNull", "BadSignature",
        "IntegerOverflow", "IntegerDivisionByZero", "BadConversionToInteger", "UnreachableCodeReached",
        "DeterministicMode",
    )),
)  # fmt: skip
"""Of 2.4, without the names of the host's error bytes (HOST_ERRORS, in test_every_entry)."""
DET_ONLY = {
    "version_too_big", "invalid_contract not_utf8_text", "invalid_contract absent_runner_comment",
    "wasm_trap DeterministicMode",
}  # fmt: skip
"""A block runs the code that was read before, and computes with floats."""


def told() -> Iterator[tuple[str, Outcome | bytes]]:
    for row in ENDINGS:
        yield "det", row.det
        yield "nondet", row.nondet
    for message, mode, _ in ERRORS:
        yield mode, ("vm_error", message)
    for mode in ("det", "nondet"):
        yield mode, ("vm_error", "timeout")  # test_timeout


def test_every_vm_error_has_rows() -> None:
    """In each mode that can have it."""
    for mode, missing in (("det", {"wasm_trap BadConversionToInteger"}), ("nondet", DET_ONLY)):
        found = {one[1] for where, one in told() if where == mode and one[0] == "vm_error"}
        assert set(REACHABLE) - found == missing
