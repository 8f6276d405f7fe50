# { "Depends": "py-genlayer:test" }
from genlayer import *
import typing


class SpecialMethods(gl.Contract):
    received: u256
    calls: DynArray[str]
    failed: u32

    def __init__(self):
        super().__init__()

    @gl.public.write.payable
    def __receive__(self):
        self.received += gl.message.value

    @gl.public.write.payable
    def __handle_undefined_method__(
        self, method_name: str, args: list[typing.Any], kwargs: dict[str, typing.Any]
    ):
        self.calls.append(f"{method_name} {len(args)} {sorted(kwargs)}")
        return len(self.calls)

    @gl.public.write.payable
    def __on_errored_message__(self):
        self.failed += 1

    @gl.public.view
    def state(self) -> list:
        return [self.received, list(self.calls), self.failed]
