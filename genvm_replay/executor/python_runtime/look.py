"""Asks a stopped Python guest for its frames and their local variables.

The guest itself tells: a few lines of Python run in the stopped instance, on top of its frames. That writes to its
memory, so whoever wants the memory's hash takes it before; afterwards the instance is of no use and is closed. The
contract's own code is not called: values of its classes are told by their class and their attributes.
Where Python has let go of its lock, which it does while it writes to a stream, nothing can be asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...errors import EnvironmentProblem
from ...journal.events import Answer, AnyRequest, WriteStream
from ..instance import Instance
from .boot import BootDoor

LOOK_FUEL: Final = 1 << 31  # about two seconds; the values of a hostile contract end there
OUTPUT_BYTES_MAX: Final = 1 << 20
FRAMES_MAX: Final = 16
LOCALS_MAX: Final = 32  # of one frame
TEXT_CHARS_MAX: Final = 200  # of one value
OURS: Final = 3  # frames of these lines themselves
FIELD, ROW = "\x1f", "\x1e"
SOURCE: Final = f"""
def _replay_look():
    import posix, sys
    address = getattr(sys.modules.get("genlayer.py.types"), "Address", None)
    plain = (int, float, bool, type(None), complex)
    groups = {{list: "[]", tuple: "()", set: "{{}}", frozenset: "{{}}"}}

    def called(cls):
        return str.__str__(type.__dict__["__qualname__"].__get__(cls))

    def items(values, depth):
        told = [shown(value, depth + 1) for value, _ in zip(values, range(8))]
        return ", ".join(told + (["..."] if len(values) > 8 else []))

    def attributes(value, depth):
        held = object.__getattribute__(value, "__dict__")
        if "_gl_slot" in held:
            return "in storage"
        return ", ".join(f"{{str(k)[:40]}}={{shown(held[k], depth + 1)}}" for k, _ in zip(held, range(8)))

    def shown(value, depth=0):
        cls = type(value)
        try:
            if cls in plain:
                return repr(value)
            if cls in (str, bytes, bytearray):
                return repr(value[:{TEXT_CHARS_MAX}]) + ("..." if len(value) > {TEXT_CHARS_MAX} else "")
            if cls is address:
                return value.as_hex
            if depth < 3 and cls in groups:
                return groups[cls][0] + items(value, depth) + groups[cls][1]
            if depth < 3 and cls is dict:
                pairs = [f"{{shown(k, depth + 1)}}: {{shown(value[k], depth + 1)}}" for k, _ in zip(value, range(8))]
                return "{{" + ", ".join(pairs + (["..."] if len(value) > 8 else [])) + "}}"
            if issubclass(cls, type):
                return f"<class {{called(value)}}>"
            name = called(cls)
            if name in ("function", "module", "method", "builtin_function_or_method"):
                return f"<{{name}}>"
            return f"<{{name}} {{attributes(value, depth)}}>" if depth < 3 else f"<{{name}}>"
        except Exception as error:
            return f"<{{called(cls)}}>"

    def cell(text):
        cut = str(text)[:{TEXT_CHARS_MAX}] + ("..." if len(text) > {TEXT_CHARS_MAX} else "")
        return cut.replace("\\x1f", "?").replace("\\x1e", "?")

    frame, rows = sys._getframe({OURS + 1}), []
    while frame is not None and len(rows) < {FRAMES_MAX}:
        code, held = frame.f_code, frame.f_locals
        row = [cell(code.co_filename), str(frame.f_lineno), cell(code.co_name)]
        if held is not frame.f_globals:
            for name, _ in zip(list(held), range({LOCALS_MAX})):
                row += [cell(name), cell(shown(held[name]))]
        rows.append("\\x1f".join(row))
        frame = frame.f_back
    told = "\\x1e".join(rows).encode("utf-8", "replace")
    while told:
        told = told[posix.write(2, told):]

_replay_look()
""".encode()


@dataclass(frozen=True, slots=True)
class PythonFrame:
    """One Python function on the stack of a guest.

    Attributes:
        locals: names and values, each value as a text of one line, cut where it is long.
    """

    file: str
    line: int
    function: str
    locals: tuple[tuple[str, str], ...] = ()


class _Listening(BootDoor):
    """A door that takes what is told on standard error, so much of it and no more."""

    def perform(self, request: AnyRequest) -> Answer:
        """Answer what Python itself needs."""
        if isinstance(request, WriteStream) and len(self.output) + len(request.data) > OUTPUT_BYTES_MAX:
            raise EnvironmentProblem("a guest tells more than it can have to tell")
        return super().perform(request)


def look(instance: Instance) -> tuple[PythonFrame, ...]:
    """The frames of a stopped Python guest, innermost first, at most FRAMES_MAX; none where it can't tell.

    The instance must not be used for anything else afterwards.
    """
    door = _Listening()
    instance.guest.effects = door
    instance.allow(fuel=LOOK_FUEL)
    try:
        if not instance.call(b"PyThreadState_GetUnchecked"):
            return ()
        source = instance.call(b"host_alloc", len(SOURCE))
        instance.guest.memory.write(source, SOURCE)
        instance.call(b"turn", source, len(SOURCE))
    except Exception:  # the guest is in an unknown state: whatever it did tell is what there is
        pass
    return tuple(_frames(door.output.decode(errors="replace")))


def _frames(told: str) -> list[PythonFrame]:
    """What a guest told; rows that it has made up otherwise are left out."""
    frames = []
    for row in told.split(ROW)[:FRAMES_MAX]:
        file, line, function, *rest = [*row.split(FIELD), "", "", ""][: 3 + 2 * LOCALS_MAX + 3]
        if not (line.isascii() and line.isdigit() and len(line) <= 9):
            continue
        pairs = tuple((name, text) for name, text in zip(rest[::2], rest[1::2], strict=False) if name)
        frames.append(PythonFrame(file, int(line), function, pairs))
    return frames
