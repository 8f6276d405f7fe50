# { "Depends": "py-genlayer:test" }
from genlayer import *


class Owned:
    owner: Address

    def _only_owner(self):
        if gl.message.sender_address != self.owner:
            raise gl.vm.UserError("only the owner")

    @gl.public.view
    def get_owner(self) -> str:
        return self.owner.as_hex


class Pausable:
    paused: bool

    @gl.public.write
    def pause(self) -> None:
        self._only_owner()
        self.paused = True


class Token(Owned, Pausable, gl.Contract):
    balances: TreeMap[Address, u256]
    supply: u256

    def __init__(self, supply: int):
        self.owner = gl.message.sender_address
        self.supply = u256(supply)
        self.balances[self.owner] = self.supply

    @gl.public.write
    def transfer(self, to: str, amount: int) -> bool:
        if self.paused:
            raise gl.vm.UserError("paused")
        sender = gl.message.sender_address
        if self.balances.get(sender, 0) < amount:
            return False
        self.balances[sender] -= amount
        self.balances[Address(to)] = u256(self.balances.get(Address(to), 0) + amount)
        return True

    @gl.public.view
    def balance_of(self, who: str) -> int:
        return self.balances.get(Address(who), u256(0))
