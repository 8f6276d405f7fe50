"""Asking the host on behalf of a guest: a host error byte becomes a VM error that the guest can't catch."""

from __future__ import annotations

from ...errors import EnvironmentProblem
from ...host_bridge.host import HOST_ERRORS
from ...journal.events import Answer, AnyRequest
from ..effects import Effects
from ..stops import VmError


def ask(effects: Effects, request: AnyRequest) -> bytes | int | None:
    """Perform `request` and give the value of a successful answer.

    Raises:
        VmError: the host answered with one of its error bytes (spec/executor.md 1.2).
        EnvironmentProblem: an error byte that does not exist.
    """
    return value_of(effects.perform(request), type(request).__name__)


def value_of(answer: Answer, asked: str) -> bytes | int | None:
    """The value of a successful answer to a request of the type `asked`. Raises as `ask` does."""
    if answer.error:
        if answer.error not in HOST_ERRORS:
            raise EnvironmentProblem(f"the host answered with the unknown error byte {answer.error}")
        error = HOST_ERRORS[answer.error]
        raise VmError(error, f"the host answered {asked} with {error!r}")
    return answer.value


def ask_bytes(effects: Effects, request: AnyRequest, size: int | None = None) -> bytes:
    """`ask` for bytes, exactly `size` of them unless None.

    Raises:
        EnvironmentProblem: the host gave something else.
    """
    answer = effects.perform(request)
    value = answer.value
    if not answer.error and type(value) is bytes and (size is None or len(value) == size):
        return value
    value = value_of(answer, type(request).__name__)
    if not isinstance(value, bytes) or (size is not None and len(value) != size):
        raise EnvironmentProblem(
            f"the host's answer to {type(request).__name__} is not {size or 'some'} bytes"
        )
    return value
