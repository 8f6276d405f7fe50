"""`schema` and `sdk-path`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from .conftest import CONTRACTS

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_a_schema_is_printed_and_nothing_is_recorded(run_json, run, tmp_path):
    told = run_json("schema", CONTRACTS / "trouble.py")
    assert told.code == 0
    assert told.object["ctor"] == {"params": [["count", "int"]], "kwparams": {}}
    assert told.object["methods"]["add"] == {
        "params": [["amount", "int"]],
        "kwparams": {"twice": "bool"},
        "readonly": False,
        "ret": "int",
        "payable": False,
    }
    assert json.loads(run("schema", CONTRACTS / "trouble.py").out) == told.object
    assert not list(tmp_path.glob("journal.db*"))


def test_a_contract_without_a_schema(run, tmp_path):
    (tmp_path / "no.py").write_text('# { "Depends": "py-genlayer:test" }\nraise ValueError("not today")\n')
    told = run("schema", tmp_path / "no.py")
    assert told.code == 2
    assert "gives no schema" in told.err
    assert "ValueError: not today" in told.err


def test_code_that_is_no_contract(run, tmp_path):
    (tmp_path / "no.py").write_bytes(b"\xff\xfe")
    told = run("schema", tmp_path / "no.py")
    assert (told.code, "gives no schema" in told.err) == (2, True)


def test_editors_find_the_sdk(run, run_json, tmp_path):
    """`sdk-path` is all that mypy needs to check contracts against the typed SDK, wrong ones included."""
    path = run("sdk-path").out.strip()
    assert run_json("sdk-path").object == {"path": path}
    assert (Path(path) / "genlayer" / "py.typed").exists()
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from genlayer import *\n\nclass C(gl.Contract):\n    x: u32\n    def f(self) -> str:\n        return self.x\n"
    )
    right = [str(EXAMPLES / name) for name in ("hello.py", "auction.py")]
    words = [
        sys.executable,
        "-m",
        "mypy",
        "--config-file=",
        "--python-version=3.13",
        f"--cache-dir={tmp_path / 'mypy'}",
    ]
    for files, code in ((right, 0), ([str(wrong)], 1)):
        done = subprocess.run(
            [*words, *files], env=os.environ | {"MYPYPATH": path}, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
    assert 'wrong.py:6: error: Incompatible return value type (got "u32", expected "str")' in done.stdout


def test_the_sdk_outside_of_the_vm(run, tmp_path):
    """A plain Python imports it, builds layouts and schemas; what needs the host says so at once."""
    script = (
        "from genlayer import *\n"
        "class C(gl.Contract):\n    x: u32\n    @gl.public.view\n    def f(self) -> u32: return self.x\n"
        "print(C.__get_schema__())\n"
        "for use in (lambda: gl.message, lambda: gl.storage.Root.get().get_contract_instance(C).x):\n"
        "    try: use()\n    except RuntimeError as error: print('no VM' in str(error))\n"
    )
    env = os.environ | {"PYTHONPATH": run("sdk-path").out.strip()}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    schema, *refused = done.stdout.splitlines()
    assert json.loads(schema)["methods"]["f"]["ret"] == "int"
    assert refused == ["True", "True"]
