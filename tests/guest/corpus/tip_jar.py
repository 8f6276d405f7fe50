# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *


class TipJar(gl.Contract):
    total: u256
    tippers: TreeMap[Address, u256]

    def __init__(self):
        self.total = u256(0)

    @gl.public.write.payable
    def tip(self) -> None:
        value = gl.message.value
        if value == u256(0):
            raise gl.vm.UserError("send some value")
        self.total = self.total + value
        sender = gl.message.sender_address
        self.tippers[sender] = self.tippers.get(sender, u256(0)) + value

    @gl.public.view
    def get_total(self) -> u256:
        return self.total

    @gl.public.view
    def get_balance(self) -> int:
        return self.balance

    @gl.public.view
    def best(self) -> tuple[str, int] | None:
        return max(((a.as_hex, int(v)) for a, v in self.tippers.items()), key=lambda p: p[1], default=None)
