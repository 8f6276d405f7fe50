# { "Depends": "py-genlayer:test" }
from genlayer import *
from dataclasses import dataclass, field, asdict
import typing

K = typing.TypeVar("K")


@allow_storage
@dataclass
class Box(typing.Generic[K]):
    content: K
    label: str = "box"


@allow_storage
@dataclass
class Item:
    name: str
    price: u64 = u64(5)
    tags: DynArray[str] = field(default_factory=list)


class Crate[T]:
    inside: DynArray[T]


allow_storage(Crate)


class MemoryRecords(gl.Contract):
    items: DynArray[Item]
    box: Box[u32]
    crate: Crate[str]

    def __init__(self):
        self.items.append(Item("first"))
        self.items.append(Item(name="second", price=u64(7), tags=["a", "b"]))
        self.box = gl.storage.inmem_allocate(Box[u32], u32(9), "nine")
        self.crate.inside.append("x")

    @gl.public.write
    def change(self) -> list:
        copied = gl.storage.copy_to_memory(self.items[1])
        self.items[1].name = "changed"
        self.items[0] = copied
        return [self.items[0].name, self.items[1].name, copied.tags[1]]

    @gl.public.view
    def show(self) -> list:
        return [[i.name, i.price, list(i.tags)] for i in self.items] + [self.box, list(self.crate.inside)]
