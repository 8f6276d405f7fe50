# { "Depends": "py-genlayer:test" }
from genlayer import *


@gl.contract_interface
class TokenInterface:
    class View:
        def balance_of(self, account: Address) -> u256: ...

    class Write:
        def transfer(self, to: Address, amount: u256) -> None: ...


class InterfaceVault(gl.Contract):
    token: Address
    minimum: u256
    held: u256

    def __init__(self, token: Address, minimum: u256):
        self.token = token
        self.minimum = minimum

    @gl.public.write.payable
    def deposit(self) -> None:
        if TokenInterface(self.token).view().balance_of(gl.message.sender_address) < self.minimum:
            raise gl.UserError(f"at least {self.minimum} tokens are needed")
        self.held += gl.message.value

    @gl.public.write
    def give(self, to: Address, amount: u256) -> None:
        TokenInterface(self.token).emit(value=u256(0), on="finalized").transfer(to, amount)

    @gl.public.view
    def get_held(self) -> u256:
        return self.held
