"""Actions are followed as the deployed executor follows them (spec/executor.md 6.3, 8.1, 2.4)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.runners.actions import Action
from genvm_replay.executor.runners.archive import Archive
from genvm_replay.executor.runners.file_tree import NODES_MAX, PATH_SIZE_MAX
from genvm_replay.executor.runners.nix_base32 import runner_hash
from genvm_replay.executor.runners.planner import DO, MAPPING_CHARGE, plan_start
from genvm_replay.executor.runners.published import NEWEST
from genvm_replay.executor.runners.refusal import NothingStarted
from genvm_replay.executor.runners.registry import Registry
from genvm_replay.executor.runners.runner_id import RunnerId
from genvm_replay.executor.runners.start_plan import PythonStart, StartPlan, WasmModule
from genvm_replay.executor.runners.tar_build import build_tar
from genvm_replay.executor.stops import VmError

from .archives import EMPTY_MODULE, Shelf, archive, named_module
from .steps import at_most

START = {"StartWasm": "main.wasm"}
FILES = {
    "main.wasm": b"main",
    "d/": b"",
    "d/b": b"B",
    "d/a": b"A",
    "d/e/": b"",
    "d/e/c": b"C",
    "d0": b"0",
    "m.wasm": named_module("m"),
    "n.wasm": named_module("n"),
    "nameless.wasm": EMPTY_MODULE,
    "text": b"text",
}


def free(_: int) -> None:
    """Nothing is counted."""


def plan(
    action: object, shelf: Mapping[str, Archive] | None = None, *, deterministic: bool = True
) -> StartPlan:
    return plan_start(archive(action, FILES), Shelf(shelf or {}), free, deterministic=deterministic)


def seq(*actions: object) -> object:
    return {"Seq": [*actions, START]}


MAPPINGS = [
    ({"to": "/x", "file": "text"}, {"/x": b"text"}),
    ({"to": "x//y", "file": "text"}, {"/x/y": b"text"}),
    ({"to": "/x/", "file": "d/"}, {"/x/a": b"A", "/x/b": b"B", "/x/e/c": b"C"}),
    ({"to": "/x", "file": "d/"}, {"/x/a": b"A", "/x/b": b"B", "/x/e/c": b"C"}),
    ({"to": "", "file": "d/e/"}, {"/c": b"C"}),
    ({"to": "/", "file": "d/e/"}, {"/c": b"C"}),
    ({"to": "/x", "file": "none/"}, {}),
]


@pytest.mark.parametrize(("mapping", "files"), MAPPINGS)
def test_map_file(mapping: dict[str, str], files: dict[str, bytes]) -> None:
    """One file, or all below a name in their order."""
    assert list(plan(seq({"MapFile": mapping})).files.items()) == list(files.items())


def test_map_all_files() -> None:
    """A lone slash; directories are left out."""
    found = plan(seq({"MapFile": {"to": "/all", "file": "/"}})).files
    names = sorted([*FILES, "runner.json"])
    assert list(found) == [f"/all/{name}" for name in names if not name.endswith("/")]


def test_env_and_args() -> None:
    """Sorted and templated; arguments add up."""
    made = plan(
        seq(
            {"AddEnv": {"name": "B", "val": "1"}},
            {"SetArgs": ["a", "b"]},
            {"AddEnv": {"name": "A", "val": "${B}2"}},
            {"SetArgs": ["c"]},
        )
    )
    assert (made.env, made.args) == (("A=12", "B=1"), ("a", "b", "c"))


def test_modules() -> None:
    """Linked ones in order, then the one that starts; keys say where each comes from."""
    shelf = {"lib:1": archive({"LinkWasm": "l"}, {"l": named_module("l")})}
    made = plan_start(
        archive(
            {"Seq": [{"LinkWasm": "n.wasm"}, {"Depends": "lib:1"}, {"LinkWasm": "m.wasm"}, START]}, FILES
        ),
        Shelf(shelf),
        free,
        deterministic=True,
        contract_id="on_chain:0x12",
    )
    assert [(link.key, link.name) for link in made.links] == [
        ("on_chain:0x12:n.wasm", "n"),
        ("lib:1:l", "l"),
        ("on_chain:0x12:m.wasm", "m"),
    ]
    assert made.start == WasmModule("on_chain:0x12:main.wasm", b"main")
    assert not isinstance(made.start, PythonStart)


def test_a_module_is_read_once() -> None:
    """Many links to a module of many sections: steps for the sum, not for the product."""
    large = EMPTY_MODULE + b"\0\x01\0" * 1000 + named_module("m")[len(EMPTY_MODULE) :]
    action = {"Seq": [{"LinkWasm": "large"}] * 500 + [START]}
    with at_most((500 + 1000) * 60):
        made = plan_start(archive(action, {**FILES, "large": large}), Shelf({}), free, deterministic=True)
    assert len(made.links) == 500


def zip_bomb(kind: str) -> Archive:
    """Few bytes that ask for much."""
    mapping = {
        "many": [{"MapFile": [f"/{number}", "d/"]} for number in range(10_000)],
        "long": [{"MapFile": ["/" + "x" * 900_000, "d/"]}],
        "deep": [{"MapFile": ["/x" * 400_000, "d/"]}],
        "slashes": [{"MapFile": ["/" * 900_000, "d/"]}],
    }[kind]
    return archive({"Seq": mapping}, {f"d/{number}": b"" for number in range(30_000)})


@pytest.mark.parametrize("kind", ["many", "long", "deep", "slashes"])
def test_bombs(kind: str) -> None:
    """They end early: no more is mapped than the file tree holds."""
    bomb = zip_bomb(kind)
    charges: list[int] = []
    with pytest.raises(VmError) as caught:
        plan_start(bomb, Shelf({}), charges.append, deterministic=True)
    assert caught.value.message == "OOM"
    mapped = charges[1:]  # the first is for the archive
    assert len(mapped) <= NODES_MAX + 1
    assert sum(mapped) <= PATH_SIZE_MAX + max(mapped, default=0) + MAPPING_CHARGE * len(mapped)


def test_directories_are_not_gone_through_again() -> None:
    """Where nothing can be mapped, each MapFile takes a fixed number of steps, however many directories there are."""
    files = {f"e/{number}/": b"" for number in range(1000)}
    bomb = archive({"Seq": [{"MapFile": ["/x", "e/"]}] * 1000}, files)
    with pytest.raises(NothingStarted), at_most(2000 * 60):
        plan_start(bomb, Shelf({}), free, deterministic=True)


@pytest.mark.parametrize("deterministic", [True, False])
def test_when(deterministic: bool) -> None:
    """One of two modes."""
    action = seq(*({"When": {"cond": cond, "action": {"SetArgs": [cond]}}} for cond in ("det", "nondet")))
    assert plan(action, deterministic=deterministic).args == ("det" if deterministic else "nondet",)


def test_depends_once_with_always() -> None:
    """Runners are followed once a VM, whatever name they are called by; With does not count."""
    lib = archive({"SetArgs": ["own"]}, {"f": b"lib"})
    use = {"With": {"runner": "lib:1", "action": {"SetArgs": ["with"]}}}
    depend = {"Depends": "lib:1"}
    made = plan(seq(use, depend, depend, use, {"Depends": "lib:latest"}, use), {"lib:1": lib})
    assert made.args == ("with", "own", "with", "with")
    assert [(runner.key, runner.origin) for runner in made.runners] == [("lib:1", "archive")]


def test_depends_in_a_circle() -> None:
    """Each is followed once."""
    shelf = {
        "a:1": archive({"Seq": [{"Depends": "b:1"}, {"SetArgs": ["a"]}]}),
        "b:1": archive({"Seq": [{"Depends": "a:1"}, {"Depends": "b:1"}, {"SetArgs": ["b"]}]}),
    }
    assert plan(seq({"Depends": "a:1"}), shelf).args == ("b", "a")


def test_a_long_chain_of_runners() -> None:
    """Depth is no recursion."""
    shelf = {f"r:{number}": archive({"Seq": [{"Depends": f"r:{number + 1}"}]}) for number in range(3000)}
    shelf["r:3000"] = archive(START, FILES)
    assert plan({"Depends": "r:0"}, shelf).start == WasmModule("r:3000:main.wasm", b"main")


def test_files_of_others() -> None:
    """With looks at another archive, inside it <contract> at the contract's."""
    lib = archive(None, {"text": b"of lib"})
    action = seq(
        {"With": {"runner": "lib:1", "action": {"MapFile": {"to": "/lib", "file": "text"}}}},
        {"Depends": "glue:1"},
        {"MapFile": {"to": "/own", "file": "text"}},
    )
    glue = archive({"With": ["<contract>", {"With": ["<contract>", {"MapFile": ["/contract", "text"]}]}]})
    made = plan(action, {"lib:1": lib, "glue:1": glue})
    assert made.files == {"/lib": b"of lib", "/contract": b"text", "/own": b"text"}


@pytest.mark.parametrize("nested", ["Seq", "Depends", "With", "When"])
def test_start_ends_everything(nested: str) -> None:
    """Nothing behind it is followed, not even what would fail."""
    start = {
        "Seq": {"Seq": [START, {"Depends": "none:1"}]},
        "Depends": {"Depends": "lib:1"},
        "With": {"With": ["lib:1", START]},
        "When": {"When": ["det", START]},
    }[nested]
    shelf = {"lib:1": archive({"Seq": [START, {"LinkWasm": "none"}]}, FILES)}
    made = plan({"Seq": [start, {"SetArgs": ["late"]}, {"Depends": "none:1"}]}, shelf)
    assert made.args == ()
    assert isinstance(made.start, WasmModule)


@pytest.mark.parametrize(
    "action",
    [{"Seq": []}, {"SetArgs": ["a"]}, {"When": {"cond": "nondet", "action": START}}, {"Depends": "lib:1"}],
)
def test_nothing_started(action: object) -> None:
    """An internal error, no VM error."""
    with pytest.raises(NothingStarted):
        plan(action, {"lib:1": archive({"Seq": []})})


REFUSED = [
    ({"StartWasm": "none"}, "invalid_contract"),
    (seq({"LinkWasm": "none"}), "invalid_contract"),
    (seq({"LinkWasm": "text"}), "invalid_contract"),
    (seq({"LinkWasm": "nameless.wasm"}), "invalid_contract wasm"),
    (seq({"MapFile": {"to": "/x", "file": "none"}}), "invalid_contract"),
    (seq({"MapFile": {"to": "/x", "file": ""}}), "invalid_contract"),
    (seq({"MapFile": {"to": "/", "file": "text"}}), "invalid_contract"),
    (seq({"MapFile": ["/x", "text"]}, {"MapFile": ["//x", "text"]}), "invalid_contract"),
    (seq({"MapFile": ["/x", "text"]}, {"MapFile": ["/x/y", "text"]}), "invalid_contract"),
    (seq({"AddEnv": {"name": "A", "val": "${B}"}}), "invalid_contract"),
    (seq({"AddEnv": ["A", "1234"]}, *[{"AddEnv": ["A", "${A}${A}"]}] * 40), "OOM"),
    (seq({"Depends": "none:1"}), "invalid_contract"),
    (seq({"Depends": "no id"}), "invalid_contract"),
    (seq({"Depends": "<contract>"}), "invalid_contract"),
    (seq({"With": {"runner": "none:1", "action": START}}), "invalid_contract"),
    (seq({"Depends": "empty:1"}), "invalid_contract"),
    (seq({"Depends": "bad:1"}), "invalid_contract"),
    ({"SetEnv": {}}, "invalid_contract"),
]


@pytest.mark.parametrize(("action", "message"), REFUSED)
def test_refused(action: object, message: str) -> None:
    """Each with a reason."""
    with pytest.raises(VmError) as caught:
        plan(action, {"empty:1": Archive({}, 0), "bad:1": Archive({"runner.json": b"{"}, 0)})
    assert caught.value.message == message
    assert caught.value.cause


def test_other_runners_runner_json_is_not_read_by_with() -> None:
    """It may be missing."""
    plan({"With": ["empty:1", {"With": ["<contract>", START]}]}, {"empty:1": Archive({}, 0)})


def test_charges() -> None:
    """Archives each time they are resolved, files before they are mapped."""
    charged: list[int] = []
    shelf = Shelf({"lib:1": archive({"With": ["<contract>", {"SetArgs": []}]}, {"f": b""}, size=70)})
    action = seq(
        {"Depends": "lib:1"},
        {"Depends": "lib:1"},
        {"With": ["lib:1", {"MapFile": ["//\u00e9", "f"]}]},
        {"MapFile": {"to": "/x", "file": "d/"}},
    )
    plan_start(archive(action, FILES, size=1000), shelf, charged.append, deterministic=True)
    assert charged == [1000, 70, 1000, 70, 256 + 4, 256 + 4, 256 + 4, 256 + 6]


@pytest.mark.parametrize("granted", range(4))
def test_memory_limiter(granted: int) -> None:
    """Its VM error is what the VM ends with."""
    left = iter(range(granted))

    def charge(_: int) -> None:
        if next(left, None) is None:
            raise VmError("OOM")

    action = seq({"Depends": "lib:1"}, {"With": ["<contract>", {"MapFile": ["/x", "text"]}]})
    with pytest.raises(VmError, match="OOM"):
        plan_start(archive(action, FILES), Shelf({"lib:1": archive({"Seq": []})}), charge, deterministic=True)


def test_every_action_has_its_function() -> None:
    """The table is the union."""
    assert set(DO) == set(get_args(Action))


def python(action: object, files: Mapping[str, bytes], registry: Registry | None = None) -> StartPlan:
    contract = archive(action, files)
    return plan_start(contract, registry or Registry(debug_mode=True), free, deterministic=True)


@pytest.mark.parametrize(
    "text", ["py-genlayer:test", "py-genlayer:132536jbnxkd1axfxg5rpfr5b60cr11adm2y4r90hgn0l59qsp9w"]
)
def test_python_file(text: str) -> None:
    """Published ids start our runtime, with what theirs would have set."""
    made = python(
        {"Seq": [{"Depends": "softfloat:test"}, {"Depends": text}]}, {"file": b"code", "other": b""}
    )
    assert isinstance(made.start, PythonStart)
    assert made.start == PythonStart(package=False)
    assert made.files == {"/contract.py": b"code"}
    assert made.args == ("py", "-u", "-B", "/py/libs/_genlayer_runner.py")
    assert made.env == ("PYTHONHOME=/py/std", "PYTHONPATH=/py/std:/py/libs", "pwd=/")
    assert {runner.name for runner in made.runners} == {
        "py-genlayer",
        "py-lib-genlayer-std",
        "py-lib-cloudpickle",
        "cpython",
        "softfloat",
    }


@pytest.mark.parametrize(
    "files", [{"contract/__init__.py": b"i", "contract/m.py": b"m", "contract/d/": b""}, {}]
)
def test_python_package(files: dict[str, bytes]) -> None:
    """The folder contract/; whether Python can import it is Python's business."""
    made = python({"Depends": "py-genlayer-multi:latest"}, files)
    assert made.start == PythonStart(package=True)
    assert list(made.files) == [f"/{name}" for name in files if not name.endswith("/")]


@pytest.mark.parametrize(
    "action",
    [
        {"Depends": "cpython:test"},
        {"Seq": [{"SetArgs": ["x"]}, {"Depends": "py-genlayer:test"}]},
        {"Depends": "py-lib-protobuf:test"},
        {"With": ["py-lib-genlayer-std:test", {"MapFile": ["/x", "runner.json"]}]},
        {"Seq": [{"MapFile": ["/contract.py", "file"]}, {"Depends": "py-genlayer:test"}]},
    ],
)
def test_what_stand_ins_can_not_do(action: object) -> None:
    """Refused, with a reason."""
    with pytest.raises(VmError) as caught:
        python(action, {"file": b""})
    assert caught.value.message == "invalid_contract"
    assert caught.value.cause


def official(folder: Path, name: str, action: object, files: Mapping[str, bytes]) -> RunnerId:
    """Put an archive on disk, under its true id."""
    tar = build_tar({"runner.json": json.dumps(action).encode(), **files})
    runner = RunnerId(name, runner_hash(tar))
    path = folder / runner.path
    path.parent.mkdir(parents=True)
    path.write_bytes(tar)
    return runner


def test_official_archives_start_what_they_hold(tmp_path: Path) -> None:
    """With all parts there, nothing of ours is used."""
    std = official(tmp_path, "py-lib-genlayer-std", {"MapFile": ["/py/libs/", "src/"]}, {"src/a.py": b"a"})
    cpython = official(tmp_path, "cpython", {"StartWasm": "cpython.wasm"}, {"cpython.wasm": b"w"})
    action = {"Seq": [{"Depends": str(std)}, {"Depends": str(cpython)}]}
    made = python(action, {}, Registry(tmp_path))
    assert made.start == WasmModule(f"{cpython}:cpython.wasm", b"w")
    assert made.files == {"/py/libs/a.py": b"a"}


def test_official_archives_beside_stand_ins(tmp_path: Path) -> None:
    """Half a runtime is a fault of the machine, not of the contract."""
    std = official(tmp_path, "py-lib-genlayer-std", {"Seq": []}, {})
    cpython = official(tmp_path, "cpython", {"StartWasm": "cpython.wasm"}, {"cpython.wasm": b"w"})
    registry = Registry(tmp_path, debug_mode=True)
    with pytest.raises(EnvironmentProblem, match="py-lib-genlayer-std"):
        python({"Seq": [{"Depends": "py-lib-genlayer-std:test"}, {"Depends": str(cpython)}]}, {}, registry)
    with pytest.raises(EnvironmentProblem, match="cpython"):
        python({"Seq": [{"Depends": str(std)}, {"Depends": "py-genlayer:test"}]}, {"file": b""}, registry)


def test_libraries_beside_the_runtime(tmp_path: Path) -> None:
    """The files of an archive are mapped; which libraries the runtime is to add is told, with what they depend on."""
    lib = official(tmp_path, "py-lib-mine", {"MapFile": ["/py/libs/", "/"]}, {"mine.py": b"m"})
    ours = "py-lib-genlayer-embeddings:test"
    action = {"Seq": [{"Depends": str(lib)}, {"Depends": ours}, {"Depends": "py-genlayer:test"}]}
    made = python(action, {"file": b"code"}, Registry(tmp_path, debug_mode=True))
    names = ("py-lib-genlayer-embeddings", "py-lib-word_piece_tokenizer", "models-all-MiniLM-L6-v2")
    libraries = tuple(f"{name}:{NEWEST[name]}" for name in names)
    assert made.start == PythonStart(package=False, libraries=libraries)
    assert list(made.files) == ["/py/libs/mine.py", "/py/libs/runner.json", "/contract.py"]


ACTION = st.recursive(
    st.sampled_from(
        [
            START,
            {"MapFile": ["/x", "text"]},
            {"MapFile": ["/y/", "d/"]},
            {"AddEnv": ["A", "${A}"]},
            {"AddEnv": ["A", "1"]},
            {"SetArgs": ["a"]},
            {"Depends": "lib:1"},
            {"Depends": "none:1"},
            {"LinkWasm": "m.wasm"},
        ]
    ),
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda actions: {"Seq": actions})
        | inner.map(lambda action: {"When": ["det", action]})
        | inner.map(lambda action: {"With": ["<contract>", action]})
        | inner.map(lambda action: {"With": ["lib:1", action]})
    ),
    max_leaves=10,
)


@given(ACTION, ACTION)
def test_any_actions_give_a_plan_or_a_vm_error(own: object, of_lib: object) -> None:
    """Or the internal error that nothing was started."""
    with contextlib.suppress(VmError, NothingStarted):
        plan(own, {"lib:1": archive(of_lib, FILES)})
