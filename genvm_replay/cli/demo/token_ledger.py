# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }

"""A token ledger: accounts in a map, every movement in a list, coins minted for what a transaction brings along."""

# ruff: noqa: F403, F405
# mypy: ignore-errors

from dataclasses import dataclass

from genlayer import *

TRANSFER, MINT = "transfer", "mint"


@allow_storage
@dataclass
class Account:
    balance: u256
    received: u32
    frozen: bool


@allow_storage
@dataclass
class Movement:
    kind: str
    payer: Address
    payee: Address
    amount: u256
    memo: str


class Moved(gl.Event):
    def __init__(self, payer: Address, payee: Address, /, **amounts: int) -> None: ...


class TokenLedger(gl.Contract):
    symbol: str
    owner: Address
    supply: u256
    accounts: TreeMap[Address, Account]
    movements: DynArray[Movement]

    def __init__(self, symbol: str, supply: int) -> None:
        self.symbol = symbol
        self.owner = gl.message.sender_address
        self.supply = supply
        self.accounts[self.owner] = Account(supply, 0, False)
        print(f"{symbol}: {supply} for {self.owner.as_hex}")

    @gl.public.view
    def balance_of(self, holder: Address) -> int:
        account = self.accounts.get(holder)
        return 0 if account is None else account.balance

    @gl.public.view
    def statement(self, last: int) -> list:
        """The last movements, newest first."""
        found = []
        for number in range(len(self.movements) - 1, -1, -1)[:last]:
            movement = self.movements[number]
            found.append(
                {
                    "number": number,
                    "kind": movement.kind,
                    "payer": movement.payer,
                    "payee": movement.payee,
                    "amount": movement.amount,
                    "memo": movement.memo,
                }
            )
        return found

    @gl.public.view
    def audit(self) -> dict:
        """Whether what the accounts hold adds up to the supply."""
        held = sum(account.balance for account in self.accounts.values())
        return {
            "holders": len(self.accounts),
            "held": held,
            "supply": self.supply,
            "sound": held == self.supply,
        }

    @gl.public.write
    def transfer(self, payee: Address, amount: int, memo: str = "") -> int:
        """Pay; gives the payer's new balance."""
        payer = gl.message.sender_address
        self._move(payer, payee, amount, memo)
        return self.accounts[payer].balance

    @gl.public.write
    def pay_all(self, payees: list, amount: int) -> int:
        """Pay several at once, or nobody."""
        payer = gl.message.sender_address
        for number, payee in enumerate(payees):
            self._move(payer, payee, amount, f"{number + 1} of {len(payees)}")
        return self.accounts[payer].balance

    @gl.public.write.payable
    def mint(self) -> int:
        """Make coins of what the transaction brings along, for its sender."""
        holder, amount = gl.message.sender_address, gl.message.value
        if amount == 0:
            raise gl.vm.UserError("nothing was sent to mint from")
        self.supply += amount
        self._account(holder).balance += amount
        self._note(MINT, holder, holder, amount, "")
        return self.accounts[holder].balance

    @gl.public.write
    def freeze(self, holder: Address, frozen: bool) -> None:
        """Stop an account from paying; for the owner only."""
        if gl.message.sender_address != self.owner:
            raise gl.vm.UserError("only the owner can freeze an account")
        self._account(holder).frozen = frozen

    def _move(self, payer: Address, payee: Address, amount: int, memo: str) -> None:
        source = self._account(payer)
        if amount <= 0:
            raise gl.vm.UserError(f"can't move {amount}")
        if source.frozen:
            raise gl.vm.UserError("this account is frozen")
        if source.balance < amount:
            raise gl.vm.UserError(f"{source.balance} {self.symbol} are not enough to pay {amount}")
        source.balance -= amount
        target = self._account(payee)
        target.balance += amount
        target.received += 1
        self._note(TRANSFER, payer, payee, amount, memo)

    def _account(self, holder: Address) -> Account:
        return self.accounts.get_or_insert_default(holder)

    def _note(self, kind: str, payer: Address, payee: Address, amount: int, memo: str) -> None:
        self.movements.append(Movement(kind, payer, payee, amount, memo))
        Moved(payer, payee, amount=amount).emit()
