"""`VecDB` inside wasm, of both generations of its runner, against plain models."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from genvm_replay.calldata import Address, Value
from genvm_replay.executor.engine import BUILDS
from genvm_replay.executor.runners.published import RELEASES
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import failure, value

EMBEDDINGS = "py-lib-genlayer-embeddings"
NO_PARENT = 2**32 - 1

BODY = """
import typing
import numpy as np
from genlayer import *
import genlayer_embeddings as gle

class Store(gl.Contract):
    db: gle.VecDB[np.int16, typing.Literal[2], str{distance}]

    def __init__(self): ...

    @gl.public.write
    def act(self, steps: list) -> list:
        return [getattr(self, step[0])(*step[1:]) for step in steps]

    def insert(self, key, name):
        return int(self.db.insert(np.array(key, np.int16), name))

    def remove(self, id):
        element = self.db.get_by_id_or_none(id)
        if element is None:
            return None
        element.remove()
        return element.id

    def update(self, id, name):
        try:
            self.db.get_by_id(id).value = name
        except KeyError:
            return None
        return self.db.get_by_id(id).value

    def knn(self, key, k):
        return [[int(e.id), e.key.tolist(), e.value, str(round(float(e.distance), 5))]
                for e in self.db.knn(np.array(key, np.int16), k)]

    def all(self):
        return [[int(e.id), e.key.tolist(), e.value, e.distance] for e in self.db], len(self.db)

    @gl.public.view
    def look(self) -> list:
        return self.all()
"""
TREE = """
    @gl.public.view
    def tree(self) -> list:
        if not self.db._nodes:
            return [0, [], [], []]
        nodes = [[n.element_id, n.level, n.parent] for n in self.db._nodes]
        root = self.db._root_idx
        return [root, list(self.db._nodes[root].children) if root != 2**32 - 1 else [], nodes, list(self.db._free_nodes)]
"""


def source(runner: str, distance: str = "", more: str = "") -> bytes:
    depends = json.dumps({"Seq": [{"Depends": runner}, {"Depends": "py-genlayer:test"}]})
    return f"# v0.1.10\n# {depends}\n{BODY.format(distance=distance)}{more}".encode()


NEW = source(f"{EMBEDDINGS}:test", ", gle.EuclideanDistanceSquared", TREE)
OLD = source(f"{EMBEDDINGS}:{RELEASES['v0.1.0'][EMBEDDINGS]}")


@dataclass
class Model:
    """What a database holds: elements by id, and the nodes of its tree, a root and its children."""

    elements: dict[int, tuple[list[int], str]] = field(default_factory=dict)
    ids: int = 0
    nodes: list[int] = field(default_factory=list)  # node -> element
    tree: list[int] = field(default_factory=list)  # nodes, the root first

    def insert(self, key: list[int], name: str) -> Value:
        free = sorted(set(range(self.ids)) - set(self.elements))
        id = free[0] if free else self.ids
        self.ids = max(self.ids, id + 1)
        self.elements[id] = (key, name)
        free_nodes = sorted(set(range(len(self.nodes))) - set(self.tree))
        node = free_nodes[0] if free_nodes else len(self.nodes)
        self.nodes[node : node + 1] = [id]
        self.tree.append(node)
        return id

    def remove(self, id: int) -> Value:
        if id not in self.elements:
            return None
        del self.elements[id]
        self.tree.remove(next(node for node in self.tree if self.nodes[node] == id))
        return id

    def update(self, id: int, name: str) -> Value:
        if id not in self.elements:
            return None
        self.elements[id] = (self.elements[id][0], name)
        return name

    def knn(self, key: list[int], k: int) -> Value:
        def distance(id: int) -> int:
            return sum((one - other) ** 2 for one, other in zip(self.elements[id][0], key, strict=True))

        order = sorted((self.nodes[node] for node in self.tree), key=distance)
        return [[id, *self.elements[id], str(float(distance(id)))] for id in order[:k]]

    def all(self) -> Value:
        rows: list[Value] = [[id, *self.elements[id], None] for id in sorted(self.elements)]
        return [rows, len(self.elements)]


key = st.lists(st.integers(-9, 9), min_size=2, max_size=2)
small = st.integers(0, 9)
step = st.one_of(
    st.tuples(st.just("insert"), key, st.text(max_size=5)),
    st.tuples(st.just("insert"), key, st.text(max_size=5)),
    st.tuples(st.just("remove"), small),
    st.tuples(st.just("update"), small, st.text(max_size=5)),
    st.tuples(st.just("knn"), key, st.integers(0, 5)),
    st.tuples(st.just("all")),
).map(list)


@pytest.fixture
def stores(node: LocalNode) -> dict[bytes, Address]:
    return {code: node.deploy(code).address for code in (NEW, OLD)}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.lists(step, max_size=12), min_size=1, max_size=3))
def test_any_steps(node: LocalNode, calls: list[list[list[Any]]]) -> None:
    """Ids, what is found, in which order, and the tree in storage are those of the model after any steps."""
    address, model = node.deploy(NEW).address, Model()
    for steps in calls:
        expected = [getattr(model, name)(*args) for name, *args in steps]
        assert value(node.call(address, "act", [steps])) == expected
        root, children, nodes, free = value(node.call(address, "tree", view=True))  # type: ignore[misc]
        if not nodes:
            continue
        assert [root, *children] == (model.tree or [NO_PARENT])
        assert [element for element, _, _ in nodes] == model.nodes
        assert all(level == 0 for _, level, _ in nodes)
        assert [nodes[place][2] for place in model.tree] == [NO_PARENT, *[root] * len(children)][
            : len(model.tree)
        ]
        assert free == sorted(set(range(len(nodes))) - set(model.tree))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(step.filter(lambda step: step[0] != "knn"), max_size=15))
def test_any_steps_v01(node: LocalNode, steps: list[list[Any]]) -> None:
    """The database of v0.1.x, which has no tree."""
    model = Model()
    expected = [getattr(model, name)(*args) for name, *args in steps]
    assert value(node.call(node.deploy(OLD).address, "act", [steps])) == expected


def test_cosine_of_v01(node: LocalNode, stores: dict[bytes, Address]) -> None:
    """Nearness of v0.1.x is that of directions; a vector without one is at distance 1."""
    keys = [[3, 0], [0, 5], [2, 2], [-4, 0], [0, 0]]
    steps: list[Value] = [["insert", key, "v"] for key in keys]
    done = node.call(stores[OLD], "act", [[*steps, ["knn", [1, 0], 9]]])
    found = value(done)[-1]  # type: ignore[index]
    assert [(id, distance) for id, _, _, distance in found] == [
        (0, "0.0"), (2, "0.29289"), (1, "1.0"), (4, "1.0"), (3, "2.0"),
    ]  # fmt: skip


def test_every_build(node: LocalNode, bench: Workbench, stores: dict[bytes, Address]) -> None:
    """The record of a use replays on every build."""
    steps: list[Value] = [["insert", [n, n * n % 7], str(n)] for n in range(6)]
    done = node.call(stores[NEW], "act", [[*steps, ["remove", 0], ["knn", [1, 1], 3]]])
    value(done)
    for build in BUILDS:
        assert reexecute(bench.store.load_run(done.run_id), bench, build).identical, build


def test_first_look_writes(node: LocalNode, stores: dict[bytes, Address]) -> None:
    """As deployed: an unused database is set up when it is first used, which a view may not do."""
    refused = node.call(stores[NEW], "look", view=True)
    assert failure(refused) == ("vm_error", "exit_code 1")
    assert "6: forbidden" in refused.streams.stderr.decode()
    assert value(node.call(stores[OLD], "look", view=True)) == [[], 0]
    value(node.call(stores[NEW], "act", [[["all"]]]))
    assert value(node.call(stores[NEW], "look", view=True)) == [[], 0]


def test_library_must_be_named(node: LocalNode) -> None:
    """What the deployed network would not find is not found here."""
    body = "from genlayer import *\nimport genlayer_embeddings\nclass C(gl.Contract): ...\n"
    refused = node.deploy(b'# { "Depends": "py-genlayer:test" }\n' + body.encode())
    assert "No module named 'genlayer_embeddings'" in refused.streams.stderr.decode()
