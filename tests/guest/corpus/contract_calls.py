# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *


class ContractCalls(gl.Contract):
    other: Address

    def __init__(self, other: str):
        self.other = Address(other)

    @gl.public.view
    def ask(self, name: str) -> str:
        return gl.get_contract_at(self.other).view().look(name)

    @gl.public.write
    def tell(self, name: str) -> None:
        other = gl.get_contract_at(self.other)
        other.emit(on="accepted").note(name, by=gl.message.sender_address)
        other.emit().note(name)

    @gl.public.write.payable
    def pay(self) -> None:
        gl.get_contract_at(self.other).emit_transfer(value=gl.message.value, on="finalized")

    @gl.public.view
    def balances(self) -> list[int]:
        return [self.balance, gl.get_contract_at(self.other).balance]
