# v0.2.16
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }

"""A price oracle: every node reads the price itself, and a language model says what the news make of it."""

import json
from dataclasses import dataclass

from genlayer import *

TASK = "Say in one word how the price will move: rising, falling or steady."
CRITERIA = "The answer is one of the three words, and the text supports it."


@allow_storage
@dataclass
class Price:
    cents: u256
    outlook: str
    at: str


class Oracle(gl.Contract):
    source: str
    prices: TreeMap[str, Price]

    def __init__(self, source: str):
        self.source = source.rstrip("/")

    @gl.public.write
    def update(self, asset: str) -> dict:
        """Read the price of an asset and what the news say of it."""
        url = f"{self.source}/price/{asset}"  # storage is read before the block: inside there is none

        def read() -> int:
            answer = gl.nondet.web.get(url)
            if answer.status_code != 200:
                raise gl.vm.UserError(f"{url} answers with {answer.status_code}")
            return round(float(json.loads(answer.body)["usd"]) * 100)  # floats can't leave a block

        def within_two_percent(leaders: gl.vm.Result) -> bool:
            if not isinstance(leaders, gl.vm.Return):
                return False
            return abs(read() - leaders.calldata) * 50 <= leaders.calldata

        cents = gl.vm.run_nondet_unsafe(read, within_two_percent)
        news = f"{self.source}/news/{asset}"
        outlook = gl.eq_principle.prompt_non_comparative(
            lambda: gl.nondet.web.render(news, mode="text"), task=TASK, criteria=CRITERIA
        )
        self.prices[asset] = Price(u256(cents), outlook.strip().lower(), gl.message_raw["datetime"])
        return self.price(asset)

    @gl.public.view
    def price(self, asset: str) -> dict:
        if asset not in self.prices:
            raise gl.vm.UserError(f"no price of {asset} yet")
        found = self.prices[asset]
        return {"cents": found.cents, "outlook": found.outlook, "at": found.at}
