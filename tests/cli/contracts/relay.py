# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }

"""Sends whatever can be sent."""

from genlayer import *


@gl.evm.contract_interface
class Coin:
    class View:
        pass

    class Write:
        def mint(self, amount: u256) -> None: ...


class Noted(gl.Event):
    def __init__(self, text: str, /, **blob): ...


class Relay(gl.Contract):
    got: u256

    def __init__(self):
        gl.get_contract_at(self.address).emit().note("born")

    @gl.public.write.payable
    def send(self, to: Address, fail: bool):
        Noted("sending", to=to).emit()
        gl.get_contract_at(to).emit(value=u256(3), on="accepted").note("\x1b[2J", fail=fail)
        gl.deploy_contract(code=b"no contract", salt_nonce=u256(5))
        Coin(to).emit(value=u256(2)).mint(u256(1))
        Coin(to).emit_transfer(value=u256(1))
        if fail:
            raise gl.vm.UserError("undone")

    @gl.public.write.payable
    def note(self, text: str, *, fail: bool = False):
        print(text)
        self.got += gl.message.value
