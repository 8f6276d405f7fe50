"""The rows of the walk: what is called, and what spec/executor.md (the section stands in each row) says of it.

A row is printed by the guest itself: the errno, then what was written to its memory or to its result file.
"""

from __future__ import annotations

import struct
from calendar import timegm
from dataclasses import dataclass

from genvm_replay import calldata
from genvm_replay.calldata import Address, Value
from genvm_replay.executor.contract_program import WASM_IMPORTS

from .talking import segment
from .test_sub_vms import OTHER
from .walking import LOCKED, calling

PARAMS = {
    name: (module, function.params)
    for module, table in WASM_IMPORTS.items()
    for name, function in table.items()
}
OUT, TEXT, VECTOR, MORE = 12288, 13312, 13440, 13504  # results, paths, one vector, another
FILE, DIRECTORY, NOTHING, NO_UTF8, UP, BELOW_FILE, FOUND = (
    (TEXT, 5), (TEXT, 3), (TEXT + 8, 4), (TEXT + 16, 1), (TEXT + 24, 5), (TEXT, 7), (TEXT + 32, 9)
)  # fmt: skip
SLOT, LOCKED_AT, BUFFER, ADDRESS_AT = 600, 13600, 700, 700
BAD = 0xFFFF_FFF0  # no address of the guest
NOW_NS = timegm((2026, 1, 2, 3, 4, 5)) * 10**9 + 6000
DATA = {
    TEXT: b"dir/f/x",
    NOTHING[0]: b"none",
    NO_UTF8[0]: b"\xff",
    UP[0]: b"../.."[:5],
    FOUND[0]: b"//dir/./f",
    VECTOR: struct.pack("<II", OUT + 4, 4),
    MORE: struct.pack("<II", TEXT, 3),
    LOCKED_AT: LOCKED,
}
SEGMENTS = "\n  ".join(segment(at, raw) for at, raw in DATA.items())
ZERO = b"\0"


@dataclass(frozen=True)
class Row:
    """One call, and what it prints in each mode. None: an errno of 0 and bytes that differ each time.

    Attributes:
        entry: name in the table of the program.
        good: whether this is one of the entry's good inputs where it prints as it should.
    """

    entry: str
    step: Value
    det: bytes | None
    nondet: bytes | None
    source: str

    def is_good(self, *, deterministic: bool) -> bool:
        """Whether the entry does what it is there for, rather than refuse."""
        out = self.det if deterministic else self.nondet
        return out is None or out.removeprefix(b"dir")[:1] == ZERO


def ask(
    name: str, *args: int, errno: int = 0, out: bytes = b"", nondet: int | None = None, source: str = "7.2"
) -> Row:
    """A call of an import; `out` is what it writes at OUT if it succeeds."""
    code = f"(call $errno {calling(PARAMS[name][1], name, *args)})"
    if out:
        code += f" (call $print (i32.const {OUT}) (i32.const {len(out)}))"
    other = errno if nondet is None else nondet
    if out:  # printed whatever the errno
        assert errno == other == 0
    return Row(name, code, bytes((errno,)) + out, bytes((other,)) + out, source)


def stat(kind: int, links: int, size: int) -> bytes:
    return struct.pack("<QQBxxxxxxxQQQQQ", 0, 0, kind, links, size, 0, 0, 0)


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def dirent(number: int, name: bytes, kind: int) -> bytes:
    return struct.pack("<QQIBxxx", number, 0, len(name), kind) + name


FILE_RIGHTS, DIRECTORY_RIGHTS = 0x24E0B7, 0x24E002
LISTED = dirent(1, b".", 3) + dirent(2, b"..", 3) + dirent(3, b"f", 4)
RANDOM = bytes.fromhex("fd73bcb8b239b678")
ACCES, BADF, ILSEQ, ISDIR, NOENT, NOTSUP, OVERFLOW, ROFS, SPIPE = 2, 8, 25, 31, 44, 58, 61, 69, 70

# In order: 4 is /dir/f, 5 is /dir; the contract has the arguments a0 and b, and the variable N=V.
WASIP1: list[Row] = [
    ask("path_open", 3, 0, *FILE, 0, 0, 0, 0, OUT, out=u32(4)),
    ask("path_open", 3, 0, *DIRECTORY, 0, 0, 0, 0, OUT, out=u32(5)),
    ask("path_open", 3, 0, *NOTHING, 0, 0, 0, 0, OUT, errno=NOENT),
    ask("path_open", 3, 0, *UP, 0, 0, 0, 0, OUT, errno=NOENT),
    ask("path_open", 3, 0, *BELOW_FILE, 0, 0, 0, 0, OUT, errno=BADF),
    ask("path_open", 3, 0, *NO_UTF8, 0, 0, 0, 0, OUT, errno=ILSEQ),
    ask("path_open", 99, 0, *FILE, 0, 0, 0, 0, OUT, errno=BADF),
    ask("path_open", 3, 0, *FOUND, 0, 0, 0, 0, OUT, out=u32(11)),  # five numbers are burnt
    ask("args_sizes_get", OUT, OUT + 4, out=u32(2, 5)),
    ask("args_get", OUT, OUT + 8, out=u32(OUT + 8, OUT + 11) + b"a0\0b\0"),
    ask("environ_sizes_get", OUT, OUT + 4, out=u32(1, 4)),
    ask("environ_get", OUT, OUT + 4, out=u32(OUT + 4) + b"N=V\0"),
    ask("clock_res_get", 0, OUT, out=struct.pack("<Q", 1)),
    ask("clock_time_get", 0, 0, OUT, out=struct.pack("<Q", NOW_NS)),
    ask("clock_time_get", 77, 5, OUT, out=struct.pack("<Q", NOW_NS)),
    Row(
        "random_get",
        f"(call $errno {calling('pi', 'random_get', OUT, 8)}) (call $print (i32.const {OUT}) (i32.const 8))",
        ZERO + RANDOM,
        None,
        "7.3",
    ),
    ask("proc_raise", 9, errno=NOTSUP),
    ask("sched_yield", errno=NOTSUP),
    ask("poll_oneoff", 0, 0, 1, OUT, errno=NOTSUP),
    ask("sock_accept", 3, 0, OUT, errno=ACCES),
    ask("sock_recv", 3, VECTOR, 1, 0, OUT, OUT, errno=ACCES),
    ask("sock_send", 3, VECTOR, 1, 0, OUT, errno=ACCES),
    ask("sock_shutdown", 3, 0, errno=ACCES),
    *(ask("fd_advise", fd, 0, 0, 0) for fd in (4, 99)),
    *(ask(name, fd) for name in ("fd_datasync", "fd_sync") for fd in (4, 99)),
    *(ask("fd_allocate", fd, 0, 0, errno=ROFS) for fd in (4, 99)),
    *(ask("fd_fdstat_set_flags", fd, 0, errno=ROFS) for fd in (4, 99)),
    *(ask("fd_fdstat_set_rights", fd, 0, 0, errno=ROFS) for fd in (4, 99)),
    *(ask("fd_filestat_set_size", fd, 0, errno=errno) for fd, errno in ((4, ROFS), (99, BADF))),
    *(ask("fd_filestat_set_times", fd, 0, 0, 0, errno=errno) for fd, errno in ((4, ROFS), (99, BADF))),
    ask("fd_fdstat_get", 4, OUT, out=struct.pack("<BxHxxxxQQ", 4, 0, FILE_RIGHTS, FILE_RIGHTS)),
    ask("fd_fdstat_get", 5, OUT, out=struct.pack("<BxHxxxxQQ", 3, 0, DIRECTORY_RIGHTS, DIRECTORY_RIGHTS)),
    ask("fd_fdstat_get", 1, OUT, out=struct.pack("<BxHxxxxQQ", 0, 0, 0x40, 0x40)),
    ask("fd_fdstat_get", 99, OUT, errno=BADF),
    ask("fd_filestat_get", 4, OUT, out=stat(4, 1, 5)),
    ask("fd_filestat_get", 5, OUT, out=stat(3, 1, 0)),
    ask("fd_filestat_get", 2, OUT, out=stat(2, 1, 0)),
    ask("fd_filestat_get", 99, OUT, errno=BADF),
    ask("fd_read", 4, VECTOR, 1, OUT, out=u32(4) + b"hell"),
    ask("fd_tell", 4, OUT, out=struct.pack("<Q", 4)),
    *(ask("fd_read", fd, VECTOR, 1, OUT, errno=errno) for fd, errno in ((99, BADF), (1, ACCES), (5, ISDIR))),
    ask("fd_pread", 4, VECTOR, 1, 1, OUT, out=u32(4) + b"ello"),
    *(
        ask("fd_pread", fd, VECTOR, 1, 0, OUT, errno=errno)
        for fd, errno in ((99, BADF), (1, ACCES), (5, ISDIR))
    ),
    ask("fd_seek", 4, -2, 1, OUT, out=struct.pack("<Q", 2)),
    ask("fd_seek", 4, 100, 0, OUT, out=struct.pack("<Q", 5)),
    ask("fd_seek", 4, -9, 1, OUT, out=struct.pack("<Q", 0)),
    ask("fd_seek", 4, 0, 2, OUT, errno=NOTSUP),
    *(ask("fd_seek", fd, 0, 0, OUT, errno=errno) for fd, errno in ((99, BADF), (1, SPIPE), (5, NOTSUP))),
    *(ask("fd_tell", fd, OUT, errno=errno) for fd, errno in ((99, BADF), (1, SPIPE), (5, NOTSUP))),
    ask("fd_prestat_get", 3, OUT, out=u32(0, 1)),
    ask("fd_prestat_get", 5, OUT, out=u32(0, 3)),
    *(ask("fd_prestat_get", fd, OUT, errno=BADF) for fd in (4, 99)),
    ask("fd_prestat_dir_name", 3, OUT, 1, out=b"/"),
    ask("fd_prestat_dir_name", 5, OUT, 3, out=b"dir"),
    ask("fd_prestat_dir_name", 5, OUT, 2, errno=OVERFLOW),
    ask("fd_prestat_dir_name", 4, OUT, 9, errno=BADF),
    ask("fd_pwrite", 1, MORE, 1, 0, OUT, errno=NOTSUP),
    ask("fd_pwrite", 99, MORE, 1, 0, OUT, errno=BADF),
    ask("fd_readdir", 5, OUT + 4, 500, 0, OUT, out=u32(len(LISTED)) + LISTED),
    ask("fd_readdir", 5, OUT + 4, 30, 1, OUT, out=u32(30) + LISTED[25:55]),
    *(ask("fd_readdir", fd, OUT + 4, 500, 0, OUT, errno=BADF) for fd in (4, 99)),
    ask("fd_renumber", 4, 5, errno=NOTSUP),
    Row(
        "fd_write",
        f"(call $errno {calling('ipip', 'fd_write', 1, MORE, 1, OUT)}) (call $print (i32.const {OUT}) (i32.const 4))",
        *(b"dir" + ZERO + u32(3),) * 2,
        "7.2",
    ),
    *(ask("fd_write", fd, MORE, 1, OUT, errno=errno) for fd, errno in ((99, BADF), (4, ROFS), (5, ROFS))),
    ask("path_create_directory", 99, *FILE, errno=ROFS),
    ask("path_filestat_get", 3, 0, *FILE, OUT, out=stat(4, 0, 5)),
    ask("path_filestat_get", 3, 0, *DIRECTORY, OUT, out=stat(3, 0, 0)),
    ask("path_filestat_get", 3, 0, *NOTHING, OUT, errno=NOENT),
    ask("path_filestat_get", 99, 0, *FILE, OUT, errno=BADF),
    ask("path_filestat_set_times", 99, 0, *FILE, 0, 0, 0, errno=ROFS),
    ask("path_link", 99, 0, *FILE, 99, *NOTHING, errno=ROFS),
    ask("path_readlink", 3, *FILE, OUT, 9, OUT, errno=BADF),
    ask("path_remove_directory", 99, *DIRECTORY, errno=ROFS),
    ask("path_rename", 99, *FILE, 99, *NOTHING, errno=ROFS),
    ask("path_symlink", *FILE, 99, *NOTHING, errno=ROFS),
    ask("path_unlink_file", 99, *FILE, errno=ROFS),
    ask("fd_close", 11),
    ask("fd_close", 11, errno=BADF),
    ask("path_open", 3, 0, *FILE, 0, 0, 0, 0, OUT, out=u32(11)),  # the number closed last
]

INVAL, FORBIDDEN, INBALANCE = 2, 6, 7
HUNDRED = (100).to_bytes(32, "little")
TOP = 0xFFFF_FFFF  # byte 2**32 - 1 of a slot can't be reached

SDK: list[Row] = [
    ask("storage_write", SLOT, 0, BUFFER, 4, nondet=FORBIDDEN, source="4.1"),
    ask("storage_write", SLOT, TOP, BUFFER, 1, errno=INVAL, nondet=FORBIDDEN, source="4.1"),
    ask("storage_write", LOCKED_AT, 0, BUFFER, 4, errno=FORBIDDEN, source="4.1"),
    ask("storage_read", SLOT, 0, BUFFER, 4, nondet=FORBIDDEN, source="4.1"),
    ask("storage_read", SLOT, TOP, BUFFER, 0, nondet=FORBIDDEN, source="1.2, 4.1"),
    ask("storage_read", SLOT, TOP, BUFFER, 1, errno=INVAL, nondet=FORBIDDEN, source="4.1"),
    ask("get_balance", ADDRESS_AT, OUT, out=HUNDRED, source="4.1"),
    ask("get_self_balance", OUT, nondet=FORBIDDEN, source="4.1"),
    ask("gl_call", NO_UTF8[0], 1, OUT, errno=INVAL, source="4.2"),
    ask("gl_call", TEXT, 0, OUT, errno=INVAL, source="4.2"),
]


def said(
    name: str, payload: Value, det: int | Value | bytes, nondet: int | Value | bytes, source: str = "4.2"
) -> Row:
    """A message: its errno, or (bytes) what its result file holds."""
    outs = [bytes((out,)) if isinstance(out, int) else ZERO + out for out in (det, nondet)]  # type: ignore[operator]
    return Row(name, {name: payload}, outs[0], outs[1], source)


def ok(value: Value) -> bytes:
    return calldata.encode({"ok": value})


TO = Address(OTHER)
RETURNED_NULL, RETURNED_FIVE = b"\0\0", b"\0" + calldata.encode(5)
EVENT: dict[str, Value] = {"topics": [], "blob": {}}
TRANSFER: dict[str, Value] = {"address": TO, "calldata": b"", "value": 0}
MESSAGE: dict[str, Value] = {"address": TO, "calldata": 1, "value": 0, "on": "accepted"}
DEPLOYMENT: dict[str, Value] = {"calldata": 1, "code": b"", "value": 0, "on": "finalized", "salt_nonce": 0}
VIEW: dict[str, Value] = {"address": TO, "calldata": {}, "state": 0}
PAGE: dict[str, Value] = {"mode": "text", "url": "u"}
REQUEST: dict[str, Value] = {"method": "GET", "url": "u", "headers": {}}
RESPONSE: Value = {"response": {"status": 200, "headers": {}, "body": b""}}
PROMPT: dict[str, Value] = {"prompt": "p", "images": []}
COMPARE: dict[str, Value] = {
    "template": "EqComparative", "leader_answer": "", "validator_answer": "", "principle": ""
}  # fmt: skip
BLOCK: dict[str, Value] = {"data_leader": b"\x01", "data_validator": b"\x01"}
TOPIC = b"t" * 32

GL_CALL: list[Row] = [
    said("EthSend", TRANSFER, 0, FORBIDDEN),
    said("EthSend", {"address": list(OTHER), "calldata": b"", "value": "0x0"}, 0, FORBIDDEN, "3.6"),
    said("EthSend", {**TRANSFER, "value": True}, INVAL, INVAL, "3.6"),
    said("EthSend", {**TRANSFER, "value": 101}, INBALANCE, FORBIDDEN),
    said("EthSend", {**TRANSFER, "value": 2**256}, INVAL, INVAL, "3.6"),
    said("EthCall", {"address": TO, "calldata": b""}, b"raw", FORBIDDEN),
    said("EthCall", {"address": TO, "calldata": "x"}, INVAL, INVAL, "3.6"),
    said("CallContract", VIEW, RETURNED_FIVE, FORBIDDEN),
    said("CallContract", {**VIEW, "state": 3}, INVAL, INVAL),
    said("PostMessage", MESSAGE, 0, FORBIDDEN),
    said("PostMessage", {**MESSAGE, "value": 101}, INBALANCE, FORBIDDEN),
    said("PostMessage", {**MESSAGE, "on": "soon"}, INVAL, INVAL),
    said("DeployContract", DEPLOYMENT, 0, FORBIDDEN),
    said("DeployContract", {**DEPLOYMENT, "value": 101}, INBALANCE, FORBIDDEN),
    said("DeployContract", {**DEPLOYMENT, "more": 1}, INVAL, INVAL, "3.6"),
    said("RunNondet", BLOCK, RETURNED_NULL, FORBIDDEN, "5.3"),
    said("RunNondet", {"data_leader": b""}, INVAL, INVAL, "3.6"),
    said("Sandbox", {"data": b"", "allow_write_ops": True}, RETURNED_NULL, RETURNED_NULL, "5.4"),
    said("Sandbox", {"data": b"", "allow_write_ops": 1}, INVAL, INVAL, "3.6"),
    said("EmitEvent", EVENT, 0, FORBIDDEN),
    said("EmitEvent", {**EVENT, "topics": [TOPIC] * 4}, 0, FORBIDDEN),
    said("EmitEvent", {**EVENT, "topics": [TOPIC] * 5}, INVAL, FORBIDDEN),
    said("EmitEvent", {**EVENT, "topics": [b"t"]}, INVAL, FORBIDDEN),
    said("WebRender", PAGE, FORBIDDEN, ok({"text": "t"})),
    said("WebRender", {**PAGE, "wait_after_loaded": "3s", "unknown": 1}, FORBIDDEN, ok({"text": "t"}), "3.6"),
    said("WebRender", ["html", "u", "250ms"], FORBIDDEN, ok({"text": "t"}), "3.6"),
    said("WebRender", {**PAGE, "wait_after_loaded": None}, INVAL, INVAL),
    said("WebRender", {**PAGE, "mode": "pdf"}, INVAL, INVAL),
    said("WebRequest", REQUEST, FORBIDDEN, ok(RESPONSE)),
    said("WebRequest", {**REQUEST, "body": None, "sign": True}, FORBIDDEN, ok(RESPONSE)),
    said("WebRequest", {**REQUEST, "method": "PUT"}, INVAL, INVAL),
    said("ExecPrompt", PROMPT, FORBIDDEN, ok("yes")),
    said("ExecPrompt", {**PROMPT, "images": [b""] * 3}, FORBIDDEN, INVAL),
    said("ExecPrompt", {"prompt": "p"}, INVAL, INVAL),
    said("ExecPromptTemplate", COMPARE, FORBIDDEN, ok(True)),
    said("ExecPromptTemplate", list(COMPARE.values()), INVAL, INVAL, "3.6"),
    said("ExecPromptTemplate", {**COMPARE, "template": "Eq"}, INVAL, INVAL),
    said("Rollback", 1, INVAL, INVAL, "3.6"),
    said("Trace", {"Message": "here"}, 0, 0),
    Row("Trace", {"Trace": "RuntimeMicroSec"}, ZERO + calldata.encode(0), None, "4.2"),
    said("Trace", {"Message": 1}, INVAL, INVAL, "3.6"),
    said("Trace", "Other", INVAL, INVAL, "3.6"),
    *(
        Row(name, name, bytes((INVAL,)), bytes((INVAL,)), "3.6")
        for name in ("Return", "EmitEvent", "Nothing")
    ),
]
GL_CALL += [Row("gl_call", row.step, row.det, row.nondet, row.source) for row in GL_CALL]

ALWAYS_REFUSED = frozenset(
    [
        "proc_raise",
        "sched_yield",
        "poll_oneoff",
        "sock_accept",
        "sock_recv",
        "sock_send",
        "sock_shutdown",
        "fd_allocate",
        "fd_fdstat_set_flags",
        "fd_fdstat_set_rights",
        "fd_filestat_set_size",
        "fd_filestat_set_times",
        "fd_pwrite",
        "fd_renumber",
        "path_create_directory",
        "path_filestat_set_times",
        "path_link",
        "path_readlink",
        "path_remove_directory",
        "path_rename",
        "path_symlink",
        "path_unlink_file",
    ]
)
"""Functions of wasip1 that never succeed (7.2)."""
NEVER_REFUSED = frozenset({"fd_advise", "fd_datasync", "fd_sync", "proc_exit"})
"""Functions of wasip1 without an input that they refuse (7.2): no pointer, any descriptor will do."""
DET_ONLY = frozenset(
    [
        "storage_read",
        "storage_write",
        "get_self_balance",
        "EthSend",
        "EthCall",
        "CallContract",
        "PostMessage",
        "DeployContract",
        "RunNondet",
        "EmitEvent",
    ]
)
NONDET_ONLY = frozenset({"WebRender", "WebRequest", "ExecPrompt", "ExecPromptTemplate"})
"""4.4: forbidden in the other mode."""
