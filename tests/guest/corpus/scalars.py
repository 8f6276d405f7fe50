# v0.1.0
# { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
from genlayer import *
import datetime


class Scalars(gl.Contract):
    flag: bool
    tiny: u8
    small: u16
    middle: u32
    large: u64
    odd: u24
    huge: u256
    signed: i128
    unbounded: bigint
    ratio: float
    text: str
    raw: bytes
    who: Address
    when: datetime.datetime
    nothing: None

    def __init__(self, text: str, who: Address):
        self.flag = True
        self.tiny = u8(255)
        self.small = u16(65_535)
        self.middle = u32(7)
        self.large = u64(2**64 - 1)
        self.odd = u24(1)
        self.huge = u256(2**256 - 1)
        self.signed = i128(-5)
        self.unbounded = bigint(-(10**40))
        self.ratio = 0.125
        self.text = text
        self.raw = b"\x00\x01"
        self.who = who
        self.when = datetime.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=datetime.UTC)
        self.nothing = None

    @gl.public.view
    def everything(self) -> dict:
        return {
            "flag": self.flag,
            "tiny": self.tiny,
            "small": self.small,
            "middle": self.middle,
            "large": self.large,
            "odd": self.odd,
            "huge": self.huge,
            "signed": self.signed,
            "unbounded": self.unbounded,
            "ratio": str(self.ratio),
            "text": self.text,
            "raw": self.raw,
            "who": self.who,
            "when": self.when.isoformat(),
            "nothing": self.nothing,
        }
