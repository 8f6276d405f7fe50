# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }

"""An auction: bids are what transactions bring along, and the clock is the transaction's."""

from dataclasses import dataclass
from datetime import datetime

from genlayer import *


@allow_storage
@dataclass
class Bid:
    bidder: Address
    amount: u256
    at: str


class Auction(gl.Contract):
    item: str
    ends: str
    bids: DynArray[Bid]

    def __init__(self, item: str, ends: str):
        datetime.fromisoformat(ends)
        self.item = item
        self.ends = ends

    @gl.public.write.payable
    def bid(self) -> int:
        """Bid what the transaction brings along; gives the number of the bid."""
        now = gl.message_raw["datetime"]
        if datetime.fromisoformat(now) >= datetime.fromisoformat(self.ends):
            raise gl.vm.UserError(f"the auction ended at {self.ends}")
        if len(self.bids) and gl.message.value <= self.bids[-1].amount:
            raise gl.vm.UserError(f"the highest bid is {self.bids[-1].amount}")
        self.bids.append(Bid(gl.message.sender_address, gl.message.value, now))
        return len(self.bids)

    @gl.public.view
    def leader(self) -> dict:
        if not len(self.bids):
            return {"item": self.item, "bids": 0}
        best = self.bids[-1]
        return {
            "item": self.item,
            "bids": len(self.bids),
            "bidder": best.bidder,
            "amount": best.amount,
            "at": best.at,
        }
