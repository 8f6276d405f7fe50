# v0.1.10
# { "Depends": "py-genlayer:test" }
from genlayer import *


class Oracle(gl.Contract):
    price: u64
    mood: str
    alarms: TreeMap[str, u64]

    @gl.public.write
    def update(self, pair: str) -> int:
        def read() -> int:
            page = gl.nondet.web.get(f"http://prices/{pair}")
            if page.status != 200:
                raise gl.vm.UserError(f"the page says {page.status}")
            return int(page.body.decode())

        def near(leader: gl.vm.Result) -> bool:
            return isinstance(leader, gl.vm.Return) and abs(read() - leader.calldata) <= 5

        price = gl.vm.run_nondet_unsafe(read, near)

        def word() -> str:
            return gl.nondet.exec_prompt(f"one word for {price}")

        self.mood = gl.vm.run_nondet_unsafe(word, lambda leader: leader.calldata == word())
        self.price = price
        if price > 500:
            self.alarms[pair] = self.alarms.get(pair, u64(0)) + 1
        if price > 1000:
            raise gl.vm.UserError("this can't be")
        return price

    @gl.public.write
    def rise(self) -> int:
        self.price = self.price + 1
        return self.price

    @gl.public.write
    def spin(self) -> None:
        while True:
            pass

    @gl.public.write
    def stall(self) -> int:
        def never(_leader: gl.vm.Result) -> bool:
            while True:
                pass

        return gl.vm.run_nondet_unsafe(lambda: 1, never)
