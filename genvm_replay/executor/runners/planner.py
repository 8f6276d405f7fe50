"""Follow a contract's actions to what starts (spec/executor.md 6.3): a pure interpreter, one function an action.

It works off a stack of actions instead of calling itself: how deep runners depend on one another is up to their files.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from ...errors import EnvironmentProblem
from .actions import (
    Action,
    AddEnv,
    Depends,
    LinkWasm,
    MapFile,
    Mode,
    Seq,
    SetArgs,
    StartPython,
    StartWasm,
    When,
    With,
)
from .archive import Archive
from .environment import Environment
from .file_tree import FileTree
from .refusal import NothingStarted, refusal
from .runner import Runner, RunnerSource
from .stand_ins import LIBRARIES, PARTS, PYTHON_ARGS
from .start_plan import PythonStart, StartPlan, WasmModule
from .wasm_module import module_name

THE_CONTRACT: Final = "<contract>"
ALL_FILES: Final = "/"
MAPPING_CHARGE: Final = 256  # bytes, besides the path (spec/executor.md 8.1)
PYTHON_FILE, PYTHON_PACKAGE = "/contract.py", "/contract/__init__.py"

Charge: TypeAlias = Callable[[int], None]
"""Told of every byte count that the memory limiter must grant; raises VmError("OOM") if it does not."""
_Steps: TypeAlias = "list[tuple[Action, Runner]]"
"""What to do next, last first: actions and the runner whose files each is about."""


def plan_start(
    contract: Archive,
    registry: RunnerSource,
    charge: Charge,
    *,
    deterministic: bool,
    contract_id: str = "on_chain",
) -> StartPlan:
    """Follow the contract's runner.json until something starts.

    Args:
        charge: is told of the archives and of the mapped files, not of the first read of the code. Stand-ins are free.
        contract_id: for the keys of the contract's modules, such as `on_chain:0x...`.

    Raises:
        VmError: whatever is wrong with the contract or a runner, or what `charge` raised.
        NothingStarted: the actions ended before (an internal error).
        EnvironmentProblem: an official archive is damaged, or stands beside stand-ins for its companions.
    """
    runner = Runner(contract_id, contract, "contract")
    planner = _Planner(runner, registry, charge, "det" if deterministic else "nondet")
    charge(contract.charged_size)
    pending: _Steps = [(runner.action(), runner)]
    while pending and planner.start is None:
        action, here = pending.pop()
        pending += DO[type(action)](planner, action, here)
    if planner.start is None:
        raise NothingStarted("the runner actions ended without a StartWasm")
    return StartPlan(
        files=planner.tree.files,
        root=planner.tree.root,
        env=planner.environment.lines(),
        args=tuple(planner.args),
        links=tuple(planner.links),
        start=planner.start,
        runners=tuple(planner.runners.values()),
    )


class _Planner:
    """What was asked for so far, and the two ways to ask the world."""

    def __init__(self, contract: Runner, registry: RunnerSource, charge: Charge, mode: Mode) -> None:
        self.contract = contract
        self.registry = registry
        self.charge = charge
        self.mode = mode
        self.tree = FileTree()
        self.environment = Environment()
        self.args: list[str] = []
        self.links: list[WasmModule] = []
        self.module_names: dict[str, str] = {}
        self.start: WasmModule | PythonStart | None = None
        self.runners: dict[str, Runner] = {}
        self.visited: set[str] = set()


def _map_file(planner: _Planner, action: MapFile, here: Runner) -> _Steps:
    """A directory's files go below `to`, whether or not `to` ends with a slash."""
    if not action.file.endswith("/"):
        _map_one(planner, action.to, here.archive.read(action.file))
        return []
    prefix = "" if action.file == ALL_FILES else action.file
    parent = action.to if action.to.endswith("/") else action.to + "/"
    for name in here.archive.below(prefix):
        _map_one(planner, parent + name.removeprefix(prefix), here.archive[name])
    return []


def _map_one(planner: _Planner, path: str, data: bytes) -> None:
    planner.charge(MAPPING_CHARGE + len(path.encode()))
    planner.tree.add(path, data)


def _add_env(planner: _Planner, action: AddEnv, _: Runner) -> _Steps:
    planner.environment.add(action.name, action.val)
    return []


def _set_args(planner: _Planner, action: SetArgs, _: Runner) -> _Steps:
    planner.args += action.args
    return []


def _depends(planner: _Planner, action: Depends, _: Runner) -> _Steps:
    runner_id = planner.registry.resolve(action.runner)
    if str(runner_id) in planner.visited:
        return []
    planner.visited.add(str(runner_id))
    runner = _load(planner, action.runner)
    return [(runner.action(), runner)]


def _with(planner: _Planner, action: With, _: Runner) -> _Steps:
    """Each time at its price, the contract's files too."""
    if action.runner != THE_CONTRACT:
        return [(action.action, _load(planner, action.runner))]
    planner.charge(planner.contract.archive.charged_size)
    return [(action.action, planner.contract)]


def _load(planner: _Planner, text: str) -> Runner:
    runner = planner.registry.load(planner.registry.resolve(text))
    planner.charge(runner.archive.charged_size)
    return planner.runners.setdefault(runner.key, runner)


def _link_wasm(planner: _Planner, action: LinkWasm, here: Runner) -> _Steps:
    """Each module's name is read once, however often it is linked."""
    key, wasm = f"{here.key}:{action.path}", here.archive.read(action.path)
    if key not in planner.module_names:
        planner.module_names[key] = module_name(wasm)
    planner.links.append(WasmModule(key, wasm, planner.module_names[key]))
    return []


def _start_wasm(planner: _Planner, action: StartWasm, here: Runner) -> _Steps:
    ours = [runner.key for runner in planner.runners.values() if runner.origin == "stand-in"]
    if ours:
        raise EnvironmentProblem(f"{here.key} needs the official archives of {', '.join(ours)} beside it")
    planner.start = WasmModule(f"{here.key}:{action.path}", here.archive.read(action.path))
    return []


def _start_python(planner: _Planner, _: StartPython, here: Runner) -> _Steps:
    runners = planner.runners.values()
    theirs = [runner.key for runner in runners if runner.origin == "archive" and runner.name in PARTS]
    if theirs:
        raise EnvironmentProblem(f"{', '.join(theirs)} needs the official archive of {here.key} beside it")
    if tuple(planner.args) != PYTHON_ARGS:
        raise refusal("only the runners py-genlayer and py-genlayer-multi can start our Python runtime")
    package = PYTHON_PACKAGE in planner.tree.files or PYTHON_FILE not in planner.tree.files
    libraries = (runner.key for runner in runners if runner.origin == "stand-in" and runner.name in LIBRARIES)
    planner.start = PythonStart(package, tuple(libraries))
    return []


def _when(planner: _Planner, action: When, here: Runner) -> _Steps:
    return [(action.action, here)] if action.cond == planner.mode else []


def _seq(_: _Planner, action: Seq, here: Runner) -> _Steps:
    return [(inner, here) for inner in reversed(action.actions)]


DO: Final[dict[type[Action], Callable[..., _Steps]]] = {
    MapFile: _map_file,
    AddEnv: _add_env,
    SetArgs: _set_args,
    Depends: _depends,
    LinkWasm: _link_wasm,
    StartWasm: _start_wasm,
    StartPython: _start_python,
    When: _when,
    Seq: _seq,
    With: _with,
}
