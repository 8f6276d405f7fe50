"""`prepare` and `load`: made once, found again, mended when damaged, and clear when it can't be."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import wasmtime
from blake3 import blake3

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.engine import METERED, Build, config_key
from genvm_replay.executor.python_runtime.cache import MANIFEST, Content, Entry, join_key
from genvm_replay.executor.python_runtime.prepare import CompiledCode, PreparedRuntime, load, prepare
from genvm_replay.executor.python_runtime.source import RuntimeSource
from genvm_replay.executor.python_runtime.transform.pipeline import transform

from .tiny import RECIPE, STACK_TOP, STDLIB, WASM, Steps, tiny_source


@pytest.fixture
def source(tmp_path: Path) -> RuntimeSource:
    return tiny_source(tmp_path / "installed")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def start(cache: Path, source: RuntimeSource, *builds: Build) -> tuple[PreparedRuntime, list[str]]:
    steps = Steps()
    runtime = load(cache, steps, source=source, recipe=RECIPE)
    for build in builds:
        runtime.module(build)
    return runtime, steps.names


def run_main(code: CompiledCode, runtime: PreparedRuntime, build: Build) -> int:
    """Instantiate, fill the memory and run: 7 from the host, 42 from the memory."""
    store = wasmtime.Store(code.engine)
    if build in METERED:
        store.set_fuel(1_000)
    seven = wasmtime.Func(store, wasmtime.FuncType([], [wasmtime.ValType.i32()]), lambda: 7)
    if build in (Build.EPOCH, Build.FUEL):
        store.set_epoch_deadline(1)
    exports = wasmtime.Instance(store, code.module, [seven]).exports(store)
    for segment in runtime.segments:
        exports["memory"].write(store, segment.data, segment.offset)
    return exports["main"](store)


def test_prepares_everything_once(cache: Path, source: RuntimeSource):
    steps = Steps()
    prepare(cache, progress=steps, source=source, recipe=RECIPE)
    assert steps.names == ["check", "transform", "check", "compile", "compile"]
    steps = Steps()
    prepare(cache, progress=steps, source=source, recipe=RECIPE)
    assert steps.names == ["check"]
    assert start(cache, source, Build.EPOCH, Build.FAST)[1] == []


def test_says_what_it_prepared(cache: Path, source: RuntimeSource):
    runtime, _ = start(cache, source)
    made = transform(WASM, RECIPE)
    assert runtime.code_wasm.read_bytes() == made.code
    assert runtime.code_hash == blake3(made.code).hexdigest()
    assert runtime.source_hash == source.wasm_sha256
    assert runtime.stdlib_hash == source.stdlib_sha256
    assert runtime.stdlib_zip.read_bytes() == STDLIB
    assert runtime.segments == made.segments
    assert runtime.function_names == made.names
    assert (runtime.memory_pages, runtime.stack_pointer) == (2, STACK_TOP)


@pytest.mark.parametrize("build", Build)
def test_every_build_runs(cache: Path, source: RuntimeSource, build: Build):
    """Builds that were not prepared are compiled on demand, and kept."""
    runtime, steps = start(cache, source, build)
    assert steps[-1] == "compile"
    assert runtime.module(build) is runtime.module(build)
    assert run_main(runtime.module(build), runtime, build) == 49
    runtime, steps = start(cache, source, build)
    assert steps == []
    assert run_main(runtime.module(build), runtime, build) == 49


def one(cache: Path, pattern: str) -> Path:
    (found,) = cache.glob(pattern)
    return found


def change(path: Path, edit: Callable[[bytes], bytes]) -> None:
    """Replace a file. Not in place: an earlier runtime of this process has it mapped and would crash."""
    changed = path.with_name("changed")
    changed.write_bytes(edit(path.read_bytes()))
    changed.replace(path)


def cut(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_middle(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]


DAMAGES: Mapping[str, tuple[Callable[[Path], object], list[str]]] = {
    "cwasm truncated": (lambda cache: change(one(cache, "module-*/code.cwasm"), cut), ["compile"]),
    "cwasm flipped": (lambda cache: change(one(cache, "module-*/code.cwasm"), flip_middle), ["compile"]),
    "cwasm manifest gone": (lambda cache: one(cache, f"module-*/{MANIFEST}").unlink(), ["compile"]),
    "cwasm manifest garbage": (
        lambda cache: one(cache, f"module-*/{MANIFEST}").write_text("{}"),
        ["compile"],
    ),
    "code flipped": (lambda cache: change(one(cache, "code-*/code.wasm"), flip_middle), ["transform"]),
    "memory truncated": (lambda cache: change(one(cache, "code-*/segments.bin"), cut), ["transform"]),
    "names gone": (lambda cache: one(cache, "code-*/names.json.z").unlink(), ["transform"]),
    "code gone": (lambda cache: shutil.rmtree(one(cache, "code-*/")), ["transform"]),
    "check gone": (lambda cache: shutil.rmtree(one(cache, "checked-*/")), ["check"]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_mended(cache: Path, source: RuntimeSource, damage: str):
    """Only what is damaged is made again, and nothing damaged is executed."""
    runtime, _ = start(cache, source, Build.FAST)
    compiled = one(cache, "module-*/code.cwasm").read_bytes()
    apply, expected = DAMAGES[damage]
    apply(cache)
    mended, steps = start(cache, source, Build.FAST)
    assert steps == expected
    assert mended.code_hash == runtime.code_hash
    assert one(cache, "module-*/code.cwasm").read_bytes() == compiled, "compilation is reproducible"
    assert run_main(mended.module(Build.FAST), mended, Build.FAST) == 49


def test_whole_but_foreign_code_is_compiled_anew(cache: Path, source: RuntimeSource):
    """What wasmtime refuses is replaced, though its hash is right."""
    runtime, _ = start(cache, source, Build.FAST)
    entry = one(cache, "module-fast-*/")
    kind, _, key = entry.name.rpartition("-")
    foreign = Entry(cache, kind, key)
    foreign.discard()
    foreign.obtain(lambda: Content({"code.cwasm": b"another wasmtime's"}), lambda: None)
    mended, steps = start(cache, source, Build.FAST)
    assert steps == ["compile"]
    assert run_main(mended.module(Build.FAST), runtime, Build.FAST) == 49


def test_warm_start_does_not_need_the_installed_module(cache: Path, source: RuntimeSource):
    start(cache, source, Build.FAST)
    source.wasm.unlink()
    assert start(cache, source, Build.FAST)[1] == []
    with pytest.raises(EnvironmentProblem, match=r"python\.wasm"):
        prepare(cache, source=source, recipe=RECIPE)


def test_replaced_archive_is_noticed(cache: Path, source: RuntimeSource):
    start(cache, source)
    source.stdlib_zip.write_bytes(STDLIB)
    assert start(cache, source)[1] == ["check"], "same content, another file"
    source.stdlib_zip.write_bytes(STDLIB.upper())
    with pytest.raises(EnvironmentProblem, match="another one than this release knows"):
        start(cache, source)


def test_prepare_trusts_no_remembered_check(cache: Path, source: RuntimeSource):
    """`load` believes that an archive was checked; `prepare` reads it."""
    start(cache, source)
    source.stdlib_zip.write_bytes(b"damaged after the check")
    Entry(cache, "checked", join_key(source.stdlib_sha256, source.stdlib_stamp())).obtain(
        Content, lambda: None
    )
    assert start(cache, source)[1] == []
    with pytest.raises(EnvironmentProblem, match="another one than this release knows"):
        prepare(cache, source=source, recipe=RECIPE)


def test_compiled_code_is_kept_apart_by_code_and_configuration(cache: Path, source: RuntimeSource):
    runtime, _ = start(cache, source, Build.FAST, Build.FUEL)
    for build in (Build.FAST, Build.FUEL):
        assert (cache / f"module-{build}-{join_key(runtime.code_hash, config_key(build))}").is_dir()


def test_wrong_source_makes_nothing(cache: Path, source: RuntimeSource):
    source.wasm.write_bytes(WASM + b"\0")
    with pytest.raises(EnvironmentProblem, match="SHA-256"):
        start(cache, source)
    assert not list(cache.glob(f"*/{MANIFEST}"))


def test_unwritable_cache_is_reported(source: RuntimeSource):
    with pytest.raises(EnvironmentProblem, match="GENVM_REPLAY_CACHE"):
        start(Path("/proc/genvm-replay"), source)


def test_unwritable_cache_is_enough_when_whole(cache: Path, source: RuntimeSource):
    """Even where the check of the archive can't be remembered."""
    start(cache, source, Build.FAST)
    source.stdlib_zip.write_bytes(STDLIB)
    key = join_key(source.stdlib_sha256, source.stdlib_stamp())
    (cache / f"checked-{key}").write_bytes(b"a file where the folder should be")
    assert start(cache, source, Build.FAST)[1] == ["check"]


def test_two_processes_make_one_cache(cache: Path, source: RuntimeSource):
    """Both start in an empty cache: each step is done once, and both run."""
    script = """if True:
        import sys
        from pathlib import Path
        from genvm_replay.executor.engine import Build
        from tests.executor.python_runtime.test_prepare import run_main, start
        from tests.executor.python_runtime.tiny import tiny_source
        source = tiny_source(Path(sys.argv[2]))
        print("here", flush=True)
        sys.stdin.readline()
        runtime, steps = start(Path(sys.argv[1]), source, Build.FAST)
        print(runtime.code_hash, run_main(runtime.module(Build.FAST), runtime, Build.FAST), *steps)
    """
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", script, str(cache), str(source.wasm.parent)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    running = [subprocess.Popen(command, cwd=root, **pipes) for _ in range(2)]
    assert [process.stdout.readline() for process in running] == ["here\n"] * 2
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=60)[0].split() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0][:2] == outputs[1][:2]
    assert outputs[0][1] == "49"
    steps = outputs[0][2:] + outputs[1][2:]
    assert (steps.count("transform"), steps.count("compile")) == (1, 1)


def test_real_runtime_starts_warm_without_work(runtime_cache: Path, prepared_runtime: PreparedRuntime):
    """What is prepared is loaded, not made again: nothing in the cache is written."""
    prepared_runtime.module(Build.EPOCH)

    def written() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in runtime_cache.rglob("*") if path.is_file()}

    before = written()
    runtime = load(runtime_cache)
    runtime.module(Build.EPOCH)
    assert written() == before != {}
    assert (runtime.memory_pages, runtime.stack_pointer) == (640, 16 << 20)
