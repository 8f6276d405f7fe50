"""The tree inside a `TreeMap`: an AVL tree whose nodes are the items of an array (sdk.md section 2.6).

A node is key, value, left (u32), right (u32), balance (i8) in this order. A link is the index of a node plus 1, 0 is
no node. The balance is the height of the right side less that of the left. Links to the root are in the map itself.
"""

import struct
import typing

if typing.TYPE_CHECKING:
    from genlayer.py.storage.slot import Slot

LINKS_SIZE: typing.Final = 9  # left, right, balance: what a node adds to key and value
LEFT: typing.Final = 0
RIGHT: typing.Final = 4  # the offsets of the two links, which also name the two directions

_LINKS: typing.Final = struct.Struct("<IIb")

Step: typing.TypeAlias = tuple[int, int]  # a node and the direction in which the search left it


class Tree:
    """The links of one tree. Keys and values are the business of `TreeMap`."""

    __slots__ = ("map_off", "map_slot", "node_size", "nodes")

    def __init__(self, map_slot: "Slot", map_off: int, nodes: "Slot", node_size: int) -> None:
        self.map_slot = map_slot
        self.map_off = map_off
        self.nodes = nodes
        self.node_size = node_size

    def links(self, node: int) -> tuple[int, int, int]:
        """Read left, right and balance: the end of a node, and node 1 ends at `node_size`."""
        left, right, balance = _LINKS.unpack(self.nodes.read(node * self.node_size - LINKS_SIZE, LINKS_SIZE))
        return left, right, balance

    def child(self, node: int, side: int) -> int:
        """Read one link."""
        return self.nodes.read_u32(node * self.node_size - LINKS_SIZE + side)

    def set_child(self, node: int, side: int, child: int) -> None:
        """Write one link."""
        self.nodes.write_u32(node * self.node_size - LINKS_SIZE + side, child)

    def balance(self, node: int) -> int:
        """Read a balance."""
        return self.links(node)[2]

    def set_balance(self, node: int, balance: int) -> None:
        """Write a balance."""
        self.nodes.write(node * self.node_size - 1, balance.to_bytes(1, "little", signed=True))

    def clear_links(self, node: int) -> None:
        """Make a node a leaf."""
        self.set_child(node, LEFT, 0)
        self.set_child(node, RIGHT, 0)
        self.set_balance(node, 0)

    def link(self, path: list[Step], depth: int, child: int) -> None:
        """Hang `child` where the first `depth` steps of the path lead."""
        if depth == 0:
            self.map_slot.write_u32(self.map_off, child)
        else:
            node, side = path[depth - 1]
            self.set_child(node, side, child)

    def grown(self, path: list[Step]) -> None:
        """Restore the balance after a leaf was hung at the end of the path."""
        for depth in range(len(path) - 1, -1, -1):
            node, side = path[depth]
            balance = self.balance(node)
            lean = 1 if side == RIGHT else -1
            if balance == lean:
                self.link(path, depth, self._rotate(node, side)[0])
                return
            self.set_balance(node, balance + lean)
            if balance != 0:
                return

    def shrunk(self, path: list[Step]) -> None:
        """Restore the balance after the subtree at the end of the path lost a level."""
        for depth in range(len(path) - 1, -1, -1):
            node, side = path[depth]
            balance = self.balance(node)
            lean = -1 if side == RIGHT else 1
            if balance == lean:
                top, lost_level = self._rotate(node, RIGHT if side == LEFT else LEFT)
                self.link(path, depth, top)
                if not lost_level:
                    return
                continue
            self.set_balance(node, balance + lean)
            if balance == 0:
                return

    def remove(self, path: list[Step], node: int) -> None:
        """Take a node out of the tree; the path leads to it."""
        left, right, balance = self.links(node)
        if not (left and right):
            child = left or right
            self.link(path, len(path), child)
            if child:
                self.set_balance(child, 0)
        else:
            depth = len(path)
            path.append((node, RIGHT))
            heir = (
                right  # the node with the next key: its place is easy to close, and it fits where `node` is
            )
            heir_left, heir_right, _ = self.links(heir)
            while heir_left:
                path.append((heir, LEFT))
                heir = heir_left
                heir_left, heir_right, _ = self.links(heir)
            self.set_child(heir, LEFT, left)
            if heir != right:
                self.set_child(path[-1][0], LEFT, heir_right)
                self.set_child(heir, RIGHT, right)
            self.link(path, depth, heir)
            self.set_balance(heir, balance)
            path[depth] = (heir, RIGHT)
        self.shrunk(path)

    def _rotate(self, node: int, heavy: int) -> tuple[int, bool]:
        """Lift the child on the heavy side. Gives the new top and whether the subtree lost a level."""
        light = RIGHT if heavy == LEFT else LEFT
        lean = 1 if heavy == RIGHT else -1
        child = self.child(node, heavy)
        links = self.links(child)
        balance = links[2]
        inner = links[0] if light == LEFT else links[1]
        if balance == -lean:
            return self._rotate_twice(node, child, inner, heavy), True
        self.set_child(child, light, node)
        self.set_child(node, heavy, inner)
        self.set_balance(node, lean if balance == 0 else 0)
        self.set_balance(child, -lean if balance == 0 else 0)
        return child, balance != 0

    def _rotate_twice(self, node: int, child: int, inner: int, heavy: int) -> int:
        """Lift the inner grandchild above both."""
        light = RIGHT if heavy == LEFT else LEFT
        lean = 1 if heavy == RIGHT else -1
        inner_left, inner_right, balance = self.links(inner)
        to_node, to_child = (inner_left, inner_right) if light == LEFT else (inner_right, inner_left)
        self.set_child(node, heavy, to_node)
        self.set_child(child, light, to_child)
        self.set_child(inner, heavy, child)
        self.set_child(inner, light, node)
        self.set_balance(child, lean if balance == -lean else 0)
        self.set_balance(node, -lean if balance == lean else 0)
        self.set_balance(inner, 0)
        return inner
