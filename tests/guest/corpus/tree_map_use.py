# { "Depends": "py-genlayer:test" }
from genlayer import *


class TreeMapUse(gl.Contract):
    scores: TreeMap[str, u32]
    groups: TreeMap[str, DynArray[str]]
    by_number: TreeMap[i32, str]

    def __init__(self):
        self.scores.update({"b": u32(2), "a": u32(1), "c": u32(3)})

    @gl.public.write
    def edit(self) -> list:
        s = self.scores
        s["d"] = u32(4)
        s["a"] += 10
        del s["b"]
        out = [s.pop("c"), s.pop("zz", None), s.setdefault("e", u32(5)), s.get("nope", 0)]
        out.append(s.compute_if_absent("f", lambda: u32(6)))
        self.groups.get_or_insert_default("g").append("x")
        for n in (5, -3, 0):
            self.by_number[n] = str(n)
        return [*out, list(s), list(s.items()), list(s.values()), len(s), "a" in s, bool(s), repr(s)]

    @gl.public.view
    def ordered(self) -> list:
        return [list(self.by_number), next(iter(self.scores), ""), sorted(self.scores.values(), reverse=True)]

    @gl.public.write
    def first(self) -> list:
        return list(self.scores.popitem())

    @gl.public.view
    def missing(self) -> str:
        try:
            return str(self.scores["missing"])
        except KeyError as error:
            return f"KeyError {error.args}"

    @gl.public.view
    def mapping(self) -> TreeMap[str, u32]:
        return self.scores
