# { "Depends": "py-genlayer:test" }
import genlayer.gl as gl
from genlayer.py.types import Address, u256, u32
from genlayer.py.storage import DynArray, TreeMap, allow_storage
import genlayer.py.calldata as calldata
from genlayer.gl.vm import UserError
from genlayer import Keccak256


class ModuleImport(gl.Contract):
    votes: TreeMap[Address, u32]
    log: DynArray[str]

    def __init__(self): ...

    @gl.public.write
    def vote(self, amount: u32) -> None:
        if amount == 0:
            raise UserError("vote for something")
        self.votes[gl.message.sender_address] = amount
        self.log.append(calldata.to_str({"by": gl.message.sender_address, "amount": amount}))

    @gl.public.view
    def get_log(self) -> list[str]:
        return list(self.log)

    @gl.public.view
    def same(self) -> bool:
        return gl.Address is Address and gl.u256 is u256 and gl.Keccak256 is Keccak256
