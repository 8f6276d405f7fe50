# { "Depends": "py-genlayer:test" }
import base64
import collections
import functools
import hashlib
import itertools
import json
import math
import re
import string
import textwrap
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from urllib.parse import quote, urlencode, urlparse

from genlayer import *


class State(Enum):
    OPEN = "open"
    DONE = "done"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class LibraryUse(gl.Contract):
    state: str
    level: u8

    def __init__(self):
        self.state = State.OPEN.value
        self.level = u8(Level.HIGH)

    @gl.public.view
    def digest(self, text: str) -> dict[str, str]:
        raw = text.encode()
        return {
            "sha256": hashlib.sha256(raw).hexdigest(),
            "md5": hashlib.md5(raw).hexdigest(),
            "sha3": hashlib.sha3_256(raw).hexdigest(),
            "blake2": hashlib.blake2b(raw, digest_size=8).hexdigest(),
            "base64": base64.b64encode(raw).decode(),
            "keccak": Keccak256(raw).hexdigest(),
        }

    @gl.public.view
    def parse(self, url: str) -> list[str]:
        parsed = urlparse(url)
        words = re.findall(r"[a-z]+", parsed.path, re.IGNORECASE)
        return [parsed.netloc, quote("a b/c"), urlencode({"q": "x y"}), *words]

    @gl.public.view
    def compute(self) -> list[str]:
        counted = collections.Counter("banana").most_common(1)
        return [
            str(Decimal("1.10") + Decimal("2.20")),
            str(Fraction(1, 3) + Fraction(1, 6)),
            str(math.isqrt(10**20)),
            str(functools.reduce(lambda a, b: a * b, range(1, 6))),
            "".join(itertools.islice(itertools.cycle("ab"), 5)),
            f"{counted[0][0]}{counted[0][1]}",
            textwrap.shorten("one two three four", width=12, placeholder="..."),
            string.Template("$a!").substitute(a="hi"),
            State(self.state).name,
            Level(self.level).name,
        ]

    @gl.public.view
    def clean(self, text: str) -> dict:
        found = re.search(r"\{.*\}", text.replace("```json", "").replace("```", ""), re.DOTALL)
        return json.loads(re.sub(r",\s*}", "}", found.group(0)))
