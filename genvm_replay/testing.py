"""A pytest plugin for contracts: a local node for each test, and a cassette of what the modules answered beside it.

    # conftest.py
    pytest_plugins = ["genvm_replay.testing"]

    # test_oracle.py
    def test_price(genvm_node, genvm_options):
        oracle = genvm_node.deploy(Path("oracle.py").read_bytes(), ["ETH"])
        done = genvm_node.call(oracle.address, "update", options=genvm_options)
        assert returned(done) == 1234

`pytest --genvm-modules=modules.yaml` records `cassettes/test_oracle/test_price.yaml`; from then on `pytest` plays it,
with no module, no key and no network. `--genvm-cassette-mode` is as `--cassette-mode` of `call` (docs/modules.md).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from . import calldata
from .cli.launched_modules import LaunchedModules
from .executor.python_runtime.cache import default_cache
from .executor.python_runtime.runtime import PythonRuntime
from .journal.database import open_database
from .modules.cassette import MODES, Cassette, Mode
from .modules.cassette_file import open_cassette
from .replay.local_modules import Asking
from .replay.local_node import CallOptions, LocalNode, Recorded
from .replay.workbench import Workbench

FOLDER: Final = "cassettes"
NO_NAME: Final = re.compile(r"[^A-Za-z0-9_.-]+")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the plugin's options."""
    group = parser.getgroup("genvm-replay")
    group.addoption(
        "--genvm-modules",
        metavar="FILE",
        help="configuration of the modules that cassettes are recorded from",
    )
    group.addoption(
        "--genvm-cassette-mode",
        choices=MODES,
        default=MODES[0],
        help="as --cassette-mode of `genvm-replay call`",
    )


def returned(recorded: Recorded) -> calldata.Value:
    """What a contract returned; fails the test if it did not return."""
    outcome = recorded.report.outcome
    assert outcome.kind == "return", f"{outcome.kind}: {outcome.payload.decode(errors='replace')}"
    return calldata.decode(outcome.payload)


@pytest.fixture(scope="session")
def genvm_runtime() -> PythonRuntime:
    """The Python runtime that contracts run in."""
    return PythonRuntime(default_cache(os.environ))


@pytest.fixture(scope="session")
def genvm_modules(request: pytest.FixtureRequest) -> Iterator[Mapping[str, str]]:
    """Addresses of modules by name; those of `--genvm-modules` start when a contract first asks them."""
    path = request.config.getoption("--genvm-modules")
    with ExitStack() as stack:
        yield stack.enter_context(LaunchedModules(Path(path), {})) if path else {}


@pytest.fixture
def genvm_node(genvm_runtime: PythonRuntime, tmp_path: Path) -> Iterator[LocalNode]:
    """A local node over an empty journal, `genvm.db` in the test's `tmp_path`."""
    with open_database(tmp_path / "genvm.db", durability="normal") as store:
        bench = Workbench(store, lambda: genvm_runtime)
        yield LocalNode(bench)
        bench.close()


@pytest.fixture
def genvm_options(request: pytest.FixtureRequest, genvm_modules: Mapping[str, str]) -> Iterator[CallOptions]:
    """How transactions of this test are sent: their modules' answers are in its cassette."""
    mode: Any = request.config.getoption("--genvm-cassette-mode")
    name = NO_NAME.sub("-", request.node.name)
    path = request.path.parent / FOLDER / request.path.stem / f"{name}.yaml"
    with _cassette(path, mode) as cassette:
        yield CallOptions(modules=genvm_modules, asking=Asking(through=cassette.through))


@contextmanager
def _cassette(path: Path, mode: Mode) -> Iterator[Cassette]:
    """A test's cassette; most tests ask no module, and have none."""
    if mode == "none" and not path.exists():
        yield Cassette([], mode, f"the cassette {path}")
        return
    if mode != "none":
        path.parent.mkdir(parents=True, exist_ok=True)
    with open_cassette(path, mode) as cassette:
        yield cassette
    for folder in (path.parent, path.parent.parent):
        if not any(folder.iterdir()):
            folder.rmdir()
