# { "Depends": "py-genlayer:test" }
from genlayer import *
from datetime import datetime, timezone, timedelta


class Message(gl.Contract):
    owner: Address
    created: str
    deadline: u64

    def __init__(self, days: int):
        self.owner = gl.message.sender_address
        self.created = gl.message_raw["datetime"]
        end = datetime.fromisoformat(self.created) + timedelta(days=days)
        self.deadline = u64(int(end.timestamp()))

    @gl.public.view
    def context(self) -> dict:
        return {
            "is_owner": gl.message.sender_address == self.owner,
            "sender": gl.message.sender_address.as_hex,
            "origin": str(gl.message.origin_address),
            "self": gl.message.contract_address == self.address,
            "value": gl.message.value,
            "chain": gl.message.chain_id,
            "created": self.created,
            "init": gl.message_raw["is_init"],
            "stack": gl.message_raw["stack"],
        }

    @gl.public.view
    def times(self) -> list[str]:
        now = datetime.now(timezone.utc)
        return [now.isoformat(), str(datetime.now()), str(now.timestamp() < self.deadline)]
