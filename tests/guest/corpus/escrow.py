# {
#   "Seq": [
#     { "Depends": "py-genlayer:test" }
#   ]
# }
from genlayer import *
from dataclasses import dataclass
from datetime import datetime


@allow_storage
@dataclass
class Deal:
    buyer: Address
    seller: Address
    amount: u256
    deadline: u64
    state: str
    notes: DynArray[str]
    ratings: TreeMap[Address, u8]


class Escrow(gl.Contract):
    deals: TreeMap[u256, Deal]
    count: u256
    fees: bigint
    paused: bool

    def __init__(self, fee_bps: int = 50):
        assert 0 <= fee_bps < 10_000
        self.count = u256(0)
        self.fees = bigint(fee_bps)

    @gl.public.write.payable
    def start(self, seller: str, days: int) -> int:
        now = int(datetime.fromisoformat(gl.message_raw["datetime"].replace("Z", "+00:00")).timestamp())
        deal = Deal(
            buyer=gl.message.sender_address,
            seller=Address(seller),
            amount=gl.message.value,
            deadline=u64(now + days * 86_400),
            state="open",
            notes=[],
            ratings={},
        )
        self.deals[self.count] = deal
        self.count = u256(self.count + 1)
        return int(self.count) - 1

    @gl.public.write
    def note(self, number: int, text: str) -> None:
        deal = self._deal(number)
        deal.notes.append(f"{deal.state}: {text}")
        deal.ratings[gl.message.sender_address] = u8(min(5, len(text)))

    @gl.public.write
    def release(self, number: int) -> None:
        deal = self._deal(number)
        if deal.state != "open":
            raise gl.vm.UserError(f"deal {number} is {deal.state}")
        if gl.message.sender_address != deal.buyer:
            raise gl.vm.UserError("only the buyer releases")
        deal.state = "released"
        gl.get_contract_at(deal.seller).emit_transfer(value=deal.amount)

    def _deal(self, number: int) -> Deal:
        if u256(number) not in self.deals:
            raise gl.vm.UserError(f"no deal {number}")
        return self.deals[u256(number)]

    @gl.public.view
    def get_deal(self, number: int) -> dict:
        deal = self._deal(number)
        return {
            "buyer": deal.buyer.as_hex.lower(),
            "amount": str(deal.amount),
            "deadline": int(deal.deadline),
            "state": deal.state,
            "notes": list(deal.notes),
            "rating": sum(deal.ratings.values()),
        }
