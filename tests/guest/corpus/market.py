# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *
from dataclasses import dataclass
import typing


@allow_storage
@dataclass
class Bet:
    player: Address
    side: str
    stake: u256
    settled: bool


@allow_storage
@dataclass
class Market:
    question: str
    bets: DynArray[Bet]
    totals: TreeMap[str, u256]
    owner: Address
    open: bool = True


class Markets(gl.Contract):
    markets: TreeMap[str, Market]
    order: DynArray[str]
    points: TreeMap[Address, TreeMap[str, u256]]
    next_id: u256

    def __init__(self):
        self.next_id = u256(1)

    @gl.public.write
    def open_market(self, question: str) -> str:
        key = f"m{self.next_id}"
        self.next_id += 1
        market = self.markets.get_or_insert_default(key)
        market.question = question
        market.owner = gl.message.sender_address
        market.open = True
        self.order.append(key)
        return key

    @gl.public.write.payable
    def bet(self, key: str, side: str) -> None:
        market = self.markets[key]
        if not market.open:
            raise Exception("closed")
        value = gl.message.value
        market.bets.append(Bet(gl.message.sender_address, side, value, False))
        market.totals[side] = market.totals.get(side, u256(0)) + value
        mine = self.points.get_or_insert_default(gl.message.sender_address)
        mine[key] = u256(mine.get(key, 0) + 1)

    @gl.public.write
    def close(self, key: str) -> None:
        market = self.markets[key]
        if gl.message.sender_address != market.owner:
            raise gl.vm.UserError("only its owner")
        market.open = False
        for bet in market.bets:
            bet.settled = True

    @gl.public.view
    def show(self, key: str) -> dict | None:
        market = self.markets.get(key)
        if market is None:
            return None
        return {
            "question": market.question,
            "open": market.open,
            "totals": {side: total for side, total in market.totals.items()},
            "bets": [{"side": b.side, "stake": int(b.stake), "settled": b.settled} for b in market.bets],
        }

    @gl.public.view
    def keys(self) -> list[str]:
        return list(self.order)

    @gl.public.view
    def points_of(self, player: str) -> dict[str, int]:
        return dict(self.points.get(Address(player), {}).items())
