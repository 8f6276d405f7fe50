"""What stands for published runners whose archives are not there: our Python runtime, under their ids.

Sources: the ids are those of `published`, the actions those of spec/executor.md 6.4 and spec/sdk.md 5.3. The two glue
runners hold nothing but a runner.json, so they are made anew; in the newest release that gives the published bytes.
"""

from __future__ import annotations

import json
from typing import Final

from .actions import Action, AddEnv, Depends, Seq, StartPython, When
from .archive import RUNNER_JSON, Archive
from .published import NEWEST, RELEASES
from .runner import Origin, Runner
from .runner_id import RunnerId
from .tar_archive import read_tar
from .tar_build import build_tar

PYTHON_ARGS: Final = ("py", "-u", "-B", "/py/libs/_genlayer_runner.py")
PYTHON_ENV: Final = (
    AddEnv("pwd", "/"),
    AddEnv("PYTHONHOME", "/py/std"),
    AddEnv("PYTHONPATH", "/py/std:/py/libs"),
)
GLUE: Final = {"py-genlayer": ("file", "/contract.py"), "py-genlayer-multi": ("contract/", "/contract/")}
"""Runner -> what it maps of the contract, and where to."""
FIRST_LAYOUT: Final = RELEASES["v0.1.0"]
"""The release whose SDK had other names (spec/sdk.md 1.13)."""
OLD_NAMES: Final = ("old_names.py", "/contract/__init__.py")
"""A file of the glue runner and where it goes: `import contract` finds the package before the file /contract.py."""
OLD_NAMES_SOURCE: Final = b"import genlayer.l1\n\ngenlayer.l1.run_contract(globals())\n"
GLUE_DEPENDS: Final = ("py-lib-cloudpickle", "py-lib-genlayer-std", "cpython")
PARTS: Final = (*GLUE_DEPENDS, "softfloat")
"""What our Python runtime contains: all of them are official archives, or none is."""
LIBRARIES: Final[dict[str, tuple[str, ...]]] = {
    "py-lib-genlayer-embeddings": ("py-lib-word_piece_tokenizer", "models-all-MiniLM-L6-v2"),
    "py-lib-word_piece_tokenizer": (),
    "models-all-MiniLM-L6-v2": (),
}
"""What our Python runtime adds where it is asked for (python_runtime/libraries.py), and what each depends on."""


def stand_in(runner: RunnerId) -> Runner | None:
    """Our runner for a published id; None if it was never published or we have nothing for it."""
    release = next((hashes for hashes in RELEASES.values() if hashes.get(runner.name) == runner.hash), None)
    if release is None:
        return None
    if runner.name in GLUE:
        tar = build_tar(glue_files(runner.name, release))
        origin: Origin = "rebuilt" if runner.verify_hash(tar) else "stand-in"
        return Runner(str(runner), read_tar(tar), origin)
    if runner.name in LIBRARIES:
        depends = tuple(Depends(f"{part}:{release[part]}") for part in LIBRARIES[runner.name])
        return Runner(str(runner), Archive({}, 0), "stand-in", Seq(depends))
    if runner.name not in PARTS:
        return None
    action: Action = Seq(())
    if runner.name == "cpython":
        softfloat = Depends(f"softfloat:{release['softfloat']}")
        action = Seq((*PYTHON_ENV, When("det", softfloat), StartPython()))
    return Runner(str(runner), Archive({}, 0), "stand-in", action)


def glue_files(name: str, release: dict[str, str]) -> dict[str, bytes]:
    """The files of a glue runner: its runner.json, and for the first layout what gives a contract the old names.

    A package (py-genlayer-multi) of that time gets the present names only: the place of its first file is taken.
    """
    if release is FIRST_LAYOUT and name == "py-genlayer":
        file, to = OLD_NAMES
        mapping = {"MapFile": {"file": file, "to": to}}
        return {RUNNER_JSON: glue_json(name, release, mapping), file: OLD_NAMES_SOURCE}
    return {RUNNER_JSON: glue_json(name, release)}


def glue_json(name: str, release: dict[str, str], *more: dict[str, dict[str, str]]) -> bytes:
    """The runner.json of a glue runner, `more` being actions before all others."""
    file, to = GLUE[name]
    mapping = {"With": {"runner": "<contract>", "action": {"MapFile": {"file": file, "to": to}}}}
    depends = [{"Depends": f"{part}:{release[part]}"} for part in GLUE_DEPENDS]
    return json.dumps({"Seq": [*more, mapping, {"SetArgs": PYTHON_ARGS}, *depends]}).encode()


def newest(name: str) -> str | None:
    """The hash of a runner's newest release; None if it was never published."""
    return NEWEST.get(name)
