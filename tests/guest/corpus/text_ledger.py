# { "Depends": "py-genlayer:latest" }
from genlayer import *


class TextLedger(gl.Contract):
    title: str
    entries: DynArray[str]
    authors: DynArray[Address]
    seen: TreeMap[str, bool]

    def __init__(self, title: str = "notes"):
        self.title = title

    @gl.public.write
    def add(self, entry: str):
        if entry in self.seen:
            raise gl.vm.UserError("known already")
        self.seen[entry] = True
        self.entries.append(entry)
        self.authors.append(gl.message.sender_address)

    @gl.public.view
    def all(self) -> list[str]:
        return [entry for entry in self.entries]

    @gl.public.view
    def by(self) -> list:
        return [a.as_hex for a in self.authors]

    @gl.public.view
    def count(self) -> int:
        return len(self.entries)
