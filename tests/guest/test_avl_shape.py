"""The tree of a TreeMap is the textbook's AVL tree, slot for slot: its shape and arena decide the stored bytes (sdk.md 2.6)."""

from dataclasses import dataclass, field

import pytest
from genlayer.py.storage import TreeMap
from genlayer.py.types import u16
from hypothesis import given, settings
from hypothesis import strategies as st


@dataclass
class Node:
    key: int
    slot: int
    left: "Node | None" = None
    right: "Node | None" = None

    @property
    def height(self):
        return 1 + max(height(self.left), height(self.right))


def height(node):
    return 0 if node is None else node.height


def rotated(node, near, far):
    """Lift the child `near` above its parent."""
    child = getattr(node, near)
    setattr(node, near, getattr(child, far))
    setattr(child, far, node)
    return child


def balanced(node):
    """Repair one node whose subtrees are balanced and differ in height by two at most."""
    for near, far in (("left", "right"), ("right", "left")):
        if height(getattr(node, near)) > height(getattr(node, far)) + 1:
            child = getattr(node, near)
            if height(getattr(child, near)) < height(getattr(child, far)):
                setattr(node, near, rotated(child, far, near))
            return rotated(node, near, far)
    return node


@dataclass
class Model:
    """Recursive insertion and deletion, and the arena of spec/sdk.md section 2.6."""

    root: Node | None = None
    count: int = 0  # slots of the arena
    free: list[int] = field(default_factory=list)

    def insert(self, key):
        def into(node):
            if node is None:
                if self.free:
                    return Node(key, self.free.pop())
                self.count += 1
                return Node(key, self.count - 1)
            if key != node.key:
                side = "left" if key < node.key else "right"
                setattr(node, side, into(getattr(node, side)))
            return balanced(node)

        self.root = into(self.root)

    def delete(self, key):
        def out_of(node):
            if key != node.key:
                side = "left" if key < node.key else "right"
                setattr(node, side, out_of(getattr(node, side)))
                return balanced(node)
            self.release(node.slot)
            if node.left is None or node.right is None:
                return node.left or node.right
            first, rest = without_first(node.right)
            first.left, first.right = node.left, rest
            return balanced(first)

        def without_first(node):
            if node.left is None:
                return node, node.right
            first, node.left = without_first(node.left)
            return first, balanced(node)

        self.root = out_of(self.root)

    def release(self, slot):
        if slot == self.count - 1:
            self.count -= 1
        else:
            self.free.append(slot)

    def shape(self):
        def of(node):
            if node is None:
                return None
            return (
                node.slot,
                node.key,
                height(node.right) - height(node.left),
                of(node.left),
                of(node.right),
            )

        return of(self.root), self.count, self.free


def stored_shape(tree_map):
    """The same out of storage."""
    slot, off = tree_map._gl_slot, tree_map._gl_off

    def of(link):
        if link == 0:
            return None
        left, right, balance = tree_map._nodes().links(link)
        return (link - 1, tree_map._key(link), balance, of(left), of(right))

    free = slot.indirect(off + 8)
    return (
        of(slot.read_u32(off)),
        slot.read_u32(off + 4),
        [free.read_u32(4 * i) for i in range(slot.read_u32(off + 8))],
    )


@given(st.lists(st.tuples(st.booleans() | st.just(True), st.integers(0, 40)), max_size=120))
@settings(deadline=None, max_examples=300)
def test_any_history(operations):
    """Keys come and go in any order."""
    tree_map, model, keys = TreeMap[u16, None](), Model(), set()
    for adds, key in operations:
        if adds:
            tree_map[key] = None
            model.insert(key)
            keys.add(key)
        elif key in keys:
            del tree_map[key]
            model.delete(key)
            keys.remove(key)
        assert stored_shape(tree_map) == model.shape()


ORDERS = {
    "rising": list(range(64)),
    "falling": list(range(64, 0, -1)),
    "inside out": [key for i in range(32) for key in (31 - i, 32 + i)],
    "far apart": [key * 37 % 64 for key in range(64)],
}


@pytest.mark.parametrize("name", ORDERS)
def test_long_histories(name):
    """All keys in, then all out in the order of their arrival: every rotation happens on the way."""
    tree_map, model = TreeMap[u16, None](), Model()
    for key in ORDERS[name]:
        tree_map[key] = None
        model.insert(key)
    assert stored_shape(tree_map) == model.shape()
    for key in ORDERS[name]:
        del tree_map[key]
        model.delete(key)
        assert stored_shape(tree_map) == model.shape()
