# { "Depends": "py-genlayer:test" }
from genlayer import *


@gl.evm.contract_interface
class _Recipient:
    class View:
        pass

    class Write:
        pass


@gl.evm.contract_interface
class _Token:
    class View:
        def balance_of(self, owner: Address, /) -> u256: ...

    class Write:
        def transfer(self, to: Address, amount: u256, /) -> bool: ...


class EvmPayout(gl.Contract):
    paid: TreeMap[Address, u256]

    def __init__(self):
        pass

    @gl.public.write.payable
    def send(self, recipient: str) -> None:
        value = gl.message.value
        if value == u256(0):
            raise gl.vm.UserError("send some value")
        to = Address(recipient)
        _Recipient(to).emit_transfer(value=value)
        self.paid[to] = u256(self.paid.get(to, 0) + value)

    @gl.public.write
    def move(self, token: str, to: str, amount: int) -> None:
        _Token(Address(token)).emit().transfer(Address(to), u256(amount))
