"""wasip1, function by function, over real memory: errnos, written bytes, told events (spec/executor.md 7)."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import GuestFault
from genvm_replay.executor.guest import Guest
from genvm_replay.executor.stops import Exited, GuestStop
from genvm_replay.executor.wasip1.errno import Errno
from genvm_replay.executor.wasip1.table import OWN_EVENTS, WASI_CALLS
from genvm_replay.journal.events import OK, Answer, AnyRequest, ReadClock, ReadRandom, WasiCall, WriteStream

from ..guests import MEMORY_BYTES, Script, guest

OUT = 1024  # where results are written
TEXT = 2048  # where paths lie
IOVEC = 4096
PREVIEW1 = 46


def answer(request: AnyRequest) -> Answer:
    match request:
        case ReadClock():
            return Answer(0, 1234567890123456789)
        case ReadRandom(length=length):
            return Answer(0, b"R" * length)
        case _:
            return OK


@pytest.fixture
def vm() -> Guest:
    made = guest(Script(answer), args=("py", "é"), environment=("A=1",))
    made.memory.write(TEXT, b"a.txt\0dir/b.bin\0../a.txt\0nothing\0a.txt/x\0\xff\xfe\0/dir//./b.bin")
    return made


PATHS = {
    "a.txt": (TEXT, 5),
    "dir/b.bin": (TEXT + 6, 9),
    "../a.txt": (TEXT + 16, 8),
    "nothing": (TEXT + 25, 7),
    "a.txt/x": (TEXT + 33, 7),
    "no utf-8": (TEXT + 41, 2),
    "/dir//./b.bin": (TEXT + 44, 13),
    "dir": (TEXT + 6, 3),
}


def call(vm: Guest, name: str, *args: int) -> int | None:
    function = WASI_CALLS[name]
    assert len(args) == len(function.params), name
    return function.call(vm, *args)


def open_path(vm: Guest, path: str) -> int:
    assert call(vm, "path_open", 3, 0, *PATHS[path], 0, 0, 0, 0, OUT) == Errno.SUCCESS
    return vm.memory.read_u32(OUT)


def vector(vm: Guest, *spans: tuple[int, int]) -> tuple[int, int]:
    vm.memory.write(IOVEC, b"".join(struct.pack("<II", *span) for span in spans))
    return IOVEC, len(spans)


def test_the_table_is_whole() -> None:
    """All functions of preview 1 are there."""
    assert len(WASI_CALLS) == PREVIEW1


# name, arguments, errno: everything that needs no state.
REFUSED = [
    ("proc_raise", (9,), Errno.NOTSUP),
    ("sched_yield", (), Errno.NOTSUP),
    ("poll_oneoff", (0, 0, 1, 0), Errno.NOTSUP),
    ("fd_renumber", (1, 2), Errno.NOTSUP),
    ("sock_accept", (0, 0, 0), Errno.ACCES),
    ("sock_recv", (0,) * 6, Errno.ACCES),
    ("sock_send", (0,) * 5, Errno.ACCES),
    ("sock_shutdown", (0, 0), Errno.ACCES),
    ("fd_advise", (99, 0, 0, 0), Errno.SUCCESS),
    ("fd_datasync", (99,), Errno.SUCCESS),
    ("fd_sync", (99,), Errno.SUCCESS),
    ("fd_allocate", (99, 0, 0), Errno.ROFS),
    ("fd_fdstat_set_flags", (99, 0), Errno.ROFS),
    ("fd_fdstat_set_rights", (99, 0, 0), Errno.ROFS),
    ("fd_filestat_set_size", (99, 0), Errno.BADF),
    ("fd_filestat_set_size", (0, 0), Errno.ROFS),
    ("fd_filestat_set_times", (99, 0, 0, 0), Errno.BADF),
    ("fd_filestat_set_times", (3, 0, 0, 0), Errno.ROFS),
    ("path_create_directory", (99, TEXT, 1), Errno.ROFS),
    ("path_filestat_set_times", (99, 0, TEXT, 1, 0, 0, 0), Errno.ROFS),
    ("path_link", (99, 0, 0, 0, 0, 0, 0), Errno.ROFS),
    ("path_remove_directory", (3, 0, 0), Errno.ROFS),
    ("path_rename", (3, 0, 0, 3, 0, 0), Errno.ROFS),
    ("path_symlink", (0, 0, 3, 0, 0), Errno.ROFS),
    ("path_unlink_file", (3, 0, 0), Errno.ROFS),
    ("path_readlink", (3, 0, 0, 0, 0, 0), Errno.BADF),
    ("fd_close", (99,), Errno.BADF),
    ("fd_fdstat_get", (99, OUT), Errno.BADF),
    ("fd_filestat_get", (99, OUT), Errno.BADF),
    ("fd_read", (99, 0, 0, OUT), Errno.BADF),
    ("fd_read", (1, 0, 0, OUT), Errno.ACCES),
    ("fd_read", (3, 0, 0, OUT), Errno.ISDIR),
    ("fd_pread", (99, 0, 0, 0, OUT), Errno.BADF),
    ("fd_pread", (2, 0, 0, 0, OUT), Errno.ACCES),
    ("fd_write", (99, 0, 0, OUT), Errno.BADF),
    ("fd_write", (0, 0, 0, OUT), Errno.ROFS),
    ("fd_write", (3, 0, 0, OUT), Errno.ROFS),
    ("fd_pwrite", (99, 0, 0, 0, OUT), Errno.BADF),
    ("fd_pwrite", (1, 0, 0, 0, OUT), Errno.NOTSUP),
    ("fd_seek", (99, 0, 0, OUT), Errno.BADF),
    ("fd_seek", (1, 0, 0, OUT), Errno.SPIPE),
    ("fd_seek", (3, 0, 0, OUT), Errno.NOTSUP),
    ("fd_seek", (0, 0, 2, OUT), Errno.NOTSUP),
    ("fd_seek", (0, 0, 7, OUT), Errno.INVAL),
    ("fd_tell", (99, OUT), Errno.BADF),
    ("fd_tell", (1, OUT), Errno.SPIPE),
    ("fd_tell", (3, OUT), Errno.NOTSUP),
    ("fd_prestat_get", (0, OUT), Errno.BADF),
    ("fd_prestat_get", (4, OUT), Errno.BADF),
    ("fd_prestat_dir_name", (1, OUT, 9), Errno.BADF),
    ("fd_prestat_dir_name", (3, OUT, 0), Errno.OVERFLOW),
    ("fd_readdir", (0, OUT, 10, 0, OUT + 64), Errno.BADF),
    ("path_open", (99, 0, *PATHS["a.txt"], 0, 0, 0, 0, OUT), Errno.BADF),
    ("path_open", (3, 0, *PATHS["../a.txt"], 0, 0, 0, 0, OUT), Errno.NOENT),
    ("path_open", (3, 0, *PATHS["nothing"], 0, 0, 0, 0, OUT), Errno.NOENT),
    ("path_open", (3, 0, *PATHS["a.txt/x"], 0, 0, 0, 0, OUT), Errno.BADF),
    ("path_open", (3, 0, *PATHS["no utf-8"], 0, 0, 0, 0, OUT), Errno.ILSEQ),
    ("path_filestat_get", (1, 0, *PATHS["a.txt"], OUT), Errno.BADF),
    ("path_filestat_get", (3, 0, *PATHS["nothing"], OUT), Errno.NOENT),
]


@pytest.mark.parametrize(("name", "args", "errno"), REFUSED)
def test_refusals(vm: Guest, name: str, args: tuple[int, ...], errno: Errno) -> None:
    """Each refusal has its errno and is told to the door with its plain arguments."""
    before = vm.memory.read(0, MEMORY_BYTES)
    assert call(vm, name, *args) == errno
    assert vm.memory.read(0, MEMORY_BYTES) == before, "a refused call wrote something"
    plain = tuple(value for value, letter in zip(args, WASI_CALLS[name].params, strict=True) if letter != "p")
    if name not in OWN_EVENTS:
        assert vm.effects.asked == [WasiCall(name, plain, int(errno))]  # type: ignore[attr-defined]


def test_arguments_and_environment(vm: Guest) -> None:
    """Sizes, then NUL-terminated texts with a table of pointers."""
    assert call(vm, "args_sizes_get", OUT, OUT + 4) == 0
    assert struct.unpack("<II", vm.memory.read(OUT, 8)) == (2, len("py\0") + len("é\0".encode()))
    assert call(vm, "args_get", OUT, OUT + 100) == 0
    assert struct.unpack("<II", vm.memory.read(OUT, 8)) == (OUT + 100, OUT + 103)
    assert vm.memory.read(OUT + 100, 6) == "py\0é\0".encode()
    assert call(vm, "environ_sizes_get", OUT, OUT + 4) == 0
    assert struct.unpack("<II", vm.memory.read(OUT, 8)) == (1, 4)
    assert call(vm, "environ_get", OUT, OUT + 100) == 0
    assert vm.memory.read(OUT + 100, 4) == b"A=1\0"


def test_clock_and_random_pass_the_door(vm: Guest) -> None:
    """Every clock id gives the transaction's time; random reads are addressed by words drawn before."""
    for clock_id in (0, 1, 3, 77):
        assert call(vm, "clock_time_get", clock_id, 10, OUT) == 0
        assert struct.unpack("<Q", vm.memory.read(OUT, 8)) == (1234567890123456789,)
    assert call(vm, "clock_res_get", 0, OUT) == 0
    assert struct.unpack("<Q", vm.memory.read(OUT, 8)) == (1,)
    for length in (5, 8, 1):
        assert call(vm, "random_get", OUT, length) == 0
    asked = [request for request in vm.effects.asked if isinstance(request, ReadRandom)]  # type: ignore[attr-defined]
    assert asked == [ReadRandom(0, 5), ReadRandom(2, 8), ReadRandom(4, 1)]


def test_reading_a_file(vm: Guest) -> None:
    """Scattered reads move the offset, end short, and give nothing at the end."""
    fd = open_path(vm, "a.txt")
    assert call(vm, "fd_read", fd, *vector(vm, (100, 3), (200, 0), (300, 4)), OUT) == 0
    assert (vm.memory.read_u32(OUT), vm.memory.read(100, 3), vm.memory.read(300, 4)) == (7, b"hel", b"lo w")
    assert call(vm, "fd_tell", fd, OUT) == 0
    assert vm.memory.read_u32(OUT) == 7
    for expected in (4, 0):
        assert call(vm, "fd_read", fd, *vector(vm, (100, 50)), OUT) == 0
        assert vm.memory.read_u32(OUT) == expected
    assert call(vm, "fd_pread", fd, *vector(vm, (100, 5)), 6, OUT) == 0
    assert vm.memory.read(100, 5) == b"world"
    assert call(vm, "fd_pread", fd, *vector(vm, (100, 5)), 2**63, OUT) == 0
    assert vm.memory.read_u32(OUT) == 0


@pytest.mark.parametrize(
    ("offset", "whence", "expected"),
    [(3, 0, 3), (-1, 0, 0), (99, 0, 11), (2, 1, 7), (-9, 1, 0), (2**63 - 1, 1, 11), (-(2**63), 1, 0)],
)
def test_seeking_is_clamped(vm: Guest, offset: int, whence: int, expected: int) -> None:
    """From 5 in a file of 11 bytes."""
    fd = open_path(vm, "a.txt")
    vm.descriptors.table[fd].offset = 5
    assert call(vm, "fd_seek", fd, offset % 2**64, whence, OUT) == 0
    assert struct.unpack("<Q", vm.memory.read(OUT, 8)) == (expected,)


def test_only_the_runtimes_files_seek_from_the_end(vm: Guest) -> None:
    """The Python runtime's archive needs SEEK_END; the deployed executor has none."""
    assert call(vm, "fd_seek", open_path(vm, "dir/b.bin"), -6 % 2**64, 2, OUT) == 0
    assert vm.memory.read_u32(OUT) == 250
    assert call(vm, "fd_seek", open_path(vm, "a.txt"), 0, 2, OUT) == Errno.NOTSUP


def test_descriptor_numbers(vm: Guest) -> None:
    """Fresh ones from 4; closed ones come back last first, 0 to 3 too; a failed open keeps its number."""
    assert [open_path(vm, "a.txt") for _ in range(3)] == [4, 5, 6]
    assert call(vm, "path_open", 3, 0, *PATHS["nothing"], 0, 0, 0, 0, OUT) == Errno.NOENT
    assert open_path(vm, "/dir//./b.bin") == 8
    for fd in (5, 0, 6):
        assert call(vm, "fd_close", fd) == 0
        assert call(vm, "fd_close", fd) == Errno.BADF
    assert [open_path(vm, "dir") for _ in range(4)] == [6, 0, 5, 9]


def test_records_of_descriptors(vm: Guest) -> None:
    """fdstat and filestat of a stream, a file and a directory."""
    for fd, kind, rights in ((1, 0, 0x40), (0, 4, 0x24E0B7), (3, 3, 0x24E002)):
        assert call(vm, "fd_fdstat_get", fd, OUT) == 0
        assert vm.memory.read(OUT, 24) == struct.pack("<BxHxxxxQQ", kind, 0, rights, rights)
    for fd, kind, size in ((2, 2, 0), (0, 4, len(b"message")), (3, 3, 0)):
        assert call(vm, "fd_filestat_get", fd, OUT) == 0
        assert vm.memory.read(OUT, 64) == struct.pack("<QQB7xQQQQQ", 0, 0, kind, 1, size, 0, 0, 0)
    assert call(vm, "path_filestat_get", 3, 0, *PATHS["a.txt"], OUT) == 0
    assert vm.memory.read(OUT, 64) == struct.pack("<QQB7xQQQQQ", 0, 0, 4, 0, 11, 0, 0, 0)


def test_directories(vm: Guest) -> None:
    """Any directory counts as preopened; listings start with . and .. and may be cut."""
    assert call(vm, "fd_prestat_get", 3, OUT) == 0
    assert vm.memory.read(OUT, 8) == struct.pack("<BxxxI", 0, 1)
    assert call(vm, "fd_prestat_dir_name", 3, OUT, 1) == 0
    assert vm.memory.read(OUT, 1) == b"/"
    assert call(vm, "fd_readdir", 3, OUT, 4096, 0, TEXT + 100) == 0
    used = vm.memory.read_u32(TEXT + 100)
    listing = vm.memory.read(OUT, used)
    names = []
    at = 0
    while at < used:
        following, inode, size, kind = struct.unpack_from("<QQIBxxx", listing, at)
        names.append((following, listing[at + 24 : at + 24 + size].decode(), kind))
        assert inode == 0
        at += 24 + size
    assert names == [(1, ".", 3), (2, "..", 3), (3, "a.txt", 4), (4, "dir", 3)]
    assert call(vm, "fd_readdir", 3, OUT, 30, 3, TEXT + 100) == 0
    assert vm.memory.read_u32(TEXT + 100) == 27, "the last entry alone"
    assert call(vm, "fd_readdir", 3, OUT, 10, 2, TEXT + 100) == 0
    assert vm.memory.read_u32(TEXT + 100) == 10, "cut inside a record"


def test_streams_pass_the_door(vm: Guest) -> None:
    """All pieces of a write are one event."""
    vm.memory.write(100, b"hello")
    assert call(vm, "fd_write", 2, *vector(vm, (100, 2), (102, 3)), OUT) == 0
    assert vm.memory.read_u32(OUT) == 5
    assert vm.effects.asked[-1] == WriteStream(2, b"hello")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("status", "seen"), [(0, 0), (3, 3), (125, 125), (126, 125), (2**32 - 1, 125)])
def test_exit(vm: Guest, status: int, seen: int) -> None:
    """Statuses of 126 and more count as 125."""
    with pytest.raises(Exited) as caught:
        call(vm, "proc_exit", status)
    assert caught.value.status == seen


@given(st.data())
def test_no_argument_breaks_it(data: st.DataObject) -> None:
    """Any function with any arguments gives an errno, ends the VM, or faults: nothing else."""
    name = data.draw(st.sampled_from(sorted(WASI_CALLS)))
    vm = guest(Script(answer), args=("py",))
    numbers = st.integers(0, 5) | st.integers(0, 2**32 - 1) | st.integers(MEMORY_BYTES - 64, MEMORY_BYTES + 8)
    small = st.integers(0, 300)
    args = [data.draw(small if letter == "i" else numbers) for letter in WASI_CALLS[name].params]
    try:
        errno = call(vm, name, *args)
    except (GuestFault, GuestStop):
        return
    assert errno in set(Errno)
