# { "Depends": "py-genlayer:test" }
from __future__ import annotations

from dataclasses import dataclass

from genlayer import *


@allow_storage
@dataclass
class Node:
    label: str
    children: DynArray[Node]


class Tree(gl.Contract):
    root: Node
    index: TreeMap[str, u256]

    def __init__(self, label: str) -> None:
        self.root.label = label

    @gl.public.write
    def grow(self, path: list[int], label: str) -> int:
        node = self.root
        for step in path:
            node = node.children[step]
        child = node.children.append_new_get()
        child.label = label
        self.index[label] = u256(len(self.index))
        return len(node.children)

    @gl.public.view
    def outline(self) -> dict[str, list | str]:
        return _outline(self.root)


def _outline(node: Node) -> dict:
    return {"label": node.label, "children": [_outline(child) for child in node.children]}
