# { "Depends": "py-genlayer:15qfivjvy80800rh998pcxmd2m8va1wq2qzqhz850n8ggcr4i9q0" }
from genlayer import *
import genlayer.std as std
import json
import typing


@gl.contract
class L1Ledger:
    owner: Address
    balances: TreeMap[Address, u256]
    page: str

    def __init__(self, supply: int):
        self.owner = gl.message.sender_account
        self.balances[self.owner] = u256(supply)

    @gl.public.write
    def transfer(self, to: str, amount: int) -> None:
        sender = gl.message.sender_account
        if self.balances.get(sender, 0) < amount:
            raise Rollback("not enough")
        self.balances[sender] -= amount
        self.balances[Address(to)] = u256(self.balances.get(Address(to), 0) + amount)

    @gl.public.write
    def refuse(self) -> None:
        gl.rollback_immediate("at once")

    @gl.public.view
    def caught(self) -> list:
        try:
            raise gl.Rollback("inside")
        except Rollback as error:
            return [error.msg, std is gl, gl.message.contract_account == self.address]

    @gl.public.view
    def memory(self) -> dict:
        copied = gl.storage_inmem_allocate(TreeMap[str, u32])
        copied["a"] = u32(1)
        return copied

    @gl.public.write
    def read(self, url: str) -> typing.Any:
        def fetch() -> str:
            return json.dumps({"size": len(gl.get_webpage(url, mode="text"))})

        self.page = gl.eq_principle_strict_eq(fetch)
        return json.loads(self.page)

    @gl.public.write
    def ask(self, question: str) -> str:
        return gl.eq_principle_prompt_comparative(lambda: gl.exec_prompt(question), "the same meaning")

    @gl.public.view
    def other(self, address: str) -> int:
        return gl.ContractAt(Address(address)).view().balance_of(self.owner)
