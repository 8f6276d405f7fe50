"""`gl.Event`: what a contract tells the outside world (sdk.md sections 1.10, 7.3)."""

import inspect
import typing
import warnings

from genlayer.gl._internal.gl_call import perform
from genlayer.py import calldata
from genlayer.py.keccak import Keccak256

TOPIC_SIZE: typing.Final = 32
INDEXED_COUNT_MAX: typing.Final = 4  # more are accepted with a warning


class Event:
    """Derive an event and declare its fields by the constructor, `def __init__(self, a, b, /, **blob): ...`.

    The positional-only parameters are indexed. Beware: their names are sorted, and the values of a call are matched
    to the *sorted* names, in the order in which they are given.
    """

    name: typing.ClassVar[str]
    indexed: typing.ClassVar[tuple[str, ...]]
    signature: typing.ClassVar[str]
    _topic: typing.ClassVar[bytes]

    _fields: dict[str, typing.Any]

    def __init_subclass__(cls, **kwargs: typing.Any) -> None:
        """Read the declared constructor and replace it."""
        super().__init_subclass__(**kwargs)
        assert "__init__" in cls.__dict__, f"event `{cls.__qualname__}` declares no __init__ of its own"
        if "name" not in cls.__dict__:
            cls.name = cls.__name__
        cls.indexed = _indexed_names(cls)
        cls.signature = f"{cls.name}({','.join(cls.indexed)})"
        cls._topic = Keccak256(cls.signature.encode()).digest()
        if len(cls.indexed) > INDEXED_COUNT_MAX:
            warnings.warn(
                f"event `{cls.__qualname__}` has more than {INDEXED_COUNT_MAX} indexed fields", stacklevel=3
            )
        cls.__init__ = _construct  # type: ignore[assignment, method-assign]

    def emit(self) -> None:
        """Send the event."""
        topics = [self._topic, *(_topic_of(self._fields[name]) for name in self.indexed)]
        perform({"EmitEvent": {"topics": topics, "blob": self._fields}})


def _construct(self: Event, *args: typing.Any, **blob: typing.Any) -> None:
    if len(args) != len(self.indexed):
        raise TypeError(
            f"event {self.signature} takes {len(self.indexed)} positional values, not {len(args)}"
        )
    twice = blob.keys() & set(self.indexed)
    if twice:
        raise TypeError(f"event {self.signature} takes {', '.join(sorted(twice))} by position, not by name")
    self._fields = {**dict(zip(self.indexed, args, strict=True)), **blob}


def _topic_of(value: typing.Any) -> bytes:
    data = calldata.encode(value)
    return data.ljust(TOPIC_SIZE, b"\0") if len(data) <= TOPIC_SIZE else Keccak256(data).digest()


def _indexed_names(cls: type[Event]) -> tuple[str, ...]:
    first, *parameters = inspect.signature(cls.__init__).parameters.values() or (None,)
    if first is None or first.name != "self":
        raise _declaration_error(cls, "the first parameter must be `self`")
    names = []
    for parameter in parameters:
        match parameter.kind:
            case parameter.POSITIONAL_ONLY:
                names.append(parameter.name)
            case parameter.VAR_KEYWORD:
                pass
            case parameter.POSITIONAL_OR_KEYWORD:
                raise _declaration_error(cls, f"write `/` after `{parameter.name}` to make it indexed")
            case _:
                raise _declaration_error(cls, f"`{parameter}` is not allowed, other fields go to **blob")
    return tuple(sorted(names))


def _declaration_error(cls: type[Event], reason: str) -> TypeError:
    error = TypeError(f"event `{cls.__qualname__}`: {reason}")
    error.add_note("declare it like `def __init__(self, owner, token, /, **blob): ...`")
    return error
