# { "Depends": "py-genlayer:test" }
from genlayer import *


class TooLow(Exception):
    pass


class Errors(gl.Contract):
    level: u8

    def __init__(self, level: int):
        if level < 0:
            raise ValueError("level must not be negative")
        self.level = u8(level)

    @gl.public.write
    def user_error(self) -> None:
        raise gl.vm.UserError("mine")

    @gl.public.write
    def short_name(self) -> None:
        raise gl.UserError("short")

    @gl.public.write
    def value_error(self) -> None:
        raise ValueError("bad value")

    @gl.public.write
    def own(self) -> None:
        raise TooLow(f"level {self.level}")

    @gl.public.write
    def checked(self, level: int) -> None:
        assert level <= 10, "at most 10"
        self.level = u8(level)

    @gl.public.view
    def caught(self) -> list[str]:
        found = []
        for action in (self.user_error, self.value_error, self.own, lambda: {}["absent"], lambda: 1 // 0):
            try:
                action()
            except gl.vm.UserError as error:
                found.append(error.message)
            except Exception as error:
                found.append(f"{type(error).__name__}: {error}")
        return found
