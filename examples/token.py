# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }

"""A token: balances, allowances in the form of direct transfers, an event for each move."""

from genlayer import *


class Moved(gl.Event):
    def __init__(self, giver: Address, taker: Address, /, **blob): ...


class Token(gl.Contract):
    balances: TreeMap[Address, u256]
    supply: u256

    def __init__(self, supply: int):
        self.supply = u256(supply)
        self.balances[gl.message.sender_address] = u256(supply)

    @gl.public.view
    def balance_of(self, owner: Address) -> u256:
        return self.balances.get(owner, u256(0))

    @gl.public.write
    def transfer(self, to: Address, amount: u256) -> None:
        giver = gl.message.sender_address
        held = self.balance_of(giver)
        if not 0 < amount <= held:
            raise gl.vm.UserError(f"{giver.as_hex} has {held}, not {amount}")
        self.balances[giver] = held - amount
        self.balances[to] = self.balance_of(to) + amount
        Moved(giver, to, amount=amount).emit()
