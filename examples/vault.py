# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }

"""A vault for those who hold enough of a token: it looks at the other contract now, and pays by messages."""

from genlayer import *


@gl.contract_interface
class Token:
    class View:
        def balance_of(self, owner: Address) -> u256: ...

    class Write:
        def transfer(self, to: Address, amount: u256) -> None: ...


@gl.evm.contract_interface
class Account:
    """Whoever may get coins: an account of people needs no methods."""

    class View:
        pass

    class Write:
        pass


class Vault(gl.Contract):
    token: Address
    minimum: u256
    deposits: TreeMap[Address, u256]

    def __init__(self, token: Address, minimum: int):
        self.token = token
        self.minimum = u256(minimum)

    @gl.public.write.payable
    def deposit(self) -> int:
        """Keep the coins that the transaction brings along. Gives what the sender has here now."""
        owner = gl.message.sender_address
        held = Token(self.token).view().balance_of(owner)
        if held < self.minimum:
            raise gl.vm.UserError(f"{self.minimum} tokens are needed, {owner.as_hex} has {held}")
        self.deposits[owner] = self.deposits.get(owner, u256(0)) + gl.message.value
        return self.deposits[owner]

    @gl.public.write
    def withdraw(self, amount: int) -> None:
        """Pay coins back, and a token for each of them as long as the vault has some."""
        owner = gl.message.sender_address
        left = self.deposits.get(owner, u256(0)) - amount
        if amount <= 0 or left < 0:
            raise gl.vm.UserError("there is not so much to withdraw")
        self.deposits[owner] = u256(left)
        Account(owner).emit_transfer(value=u256(amount))
        bonus = min(amount, Token(self.token).view().balance_of(self.address))
        if bonus:
            Token(self.token).emit(on="accepted").transfer(owner, u256(bonus))

    @gl.public.view
    def coins(self) -> u256:
        return self.balance
