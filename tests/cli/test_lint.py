"""`lint` as a command."""

from __future__ import annotations

BAD = '# { "Depends": "py-genlayer:test" }\nfrom genlayer import *\nclass C(gl.Contract):\n    x: int\n'


def test_findings(run, run_json, tmp_path):
    path = tmp_path / "bad.py"
    path.write_text(BAD)
    told = run_json("lint", path)
    assert told.code == 1
    assert told.object.keys() == {"file", "line", "check", "what", "fix"}
    assert (told.object["file"], told.object["line"], told.object["check"]) == (str(path), 4, "field-type")
    shown = run("lint", path)
    assert shown.code == 1
    assert shown.out.startswith(f"{path}:4: field-type: ")


def test_no_findings(run, tmp_path):
    path = tmp_path / "good.py"
    path.write_text(BAD.replace("int", "u256"))
    done = run("lint", path, path)
    assert (done.code, done.out, done.err) == (0, "", "no findings\n")


def test_wrong_use(run, tmp_path):
    assert run("lint").code == 2
    assert run("lint", tmp_path / "absent.py").code == 2
    archive = tmp_path / "a.zip"
    archive.write_bytes(b"PK\x03\x04")
    assert run("lint", archive).code == 2
