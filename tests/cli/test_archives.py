"""`export`, `import`, and `verify` of a file."""

from __future__ import annotations

import pytest


def test_a_run_travels_to_another_journal_and_replays(run, run_json, recorded, tmp_path):
    """With nothing but the file: it verifies, imports and re-executes identically."""
    txs = [one["tx"] for one in run_json("runs").objects]
    file = tmp_path / "runs.gvmr"
    told = run_json("export", txs[0], txs[2][:14], "--to", file)
    assert (told.code, told.object) == (0, {"file": str(file), "runs": 2, "bytes": file.stat().st_size})
    recorded.unlink()
    verified = run_json("verify", file)
    assert (verified.code, [one["ok"] for one in verified.objects]) == (0, [True, True])
    assert run("verify", file).out.endswith("2 runs: 2 ok\n")
    elsewhere = tmp_path / "elsewhere.db"
    imported = run_json("--db", elsewhere, "import", file)
    assert (imported.code, [one["imported"] for one in imported.objects]) == (0, [True, True])
    replayed = run_json("--db", elsewhere, "replay", "--all")
    assert (replayed.code, [one["identical"] for one in replayed.objects]) == (0, [True, True])
    assert {one["tx"] for one in replayed.objects} == {txs[0], txs[2]}
    again = run_json("--db", elsewhere, "import", file)
    assert [one["imported"] for one in again.objects] == [False, False]


def test_a_changed_archive_is_refused_whole(run, run_json, recorded, tmp_path):
    file = tmp_path / "runs.gvmr"
    assert run("export", "--all", "--to", file).code == 0
    data = bytearray(file.read_bytes())
    data[-200] ^= 1
    file.write_bytes(data)
    for command in ("verify", "import"):
        told = run("--db", tmp_path / "elsewhere.db", command, file)
        assert told.code != 0
        assert "Traceback" not in told.err
    assert not (tmp_path / "elsewhere.db").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("export", "--to", "{}/x"), 2, "give transactions, or --all"),
        (("export", "--all", "--to", "{}/journal.db"), 2, "is there already"),
        (("export", "--all", "--to", "{}/no/such/folder"), 3, "can't write"),
        (("import", "{}/nothing"), 2, "can't read"),
        (("import", "{}/journal.db"), 3, "it is no archive"),
        (("verify", "{}/journal.db"), 3, "it is no archive"),
        (("verify", "{}/nothing"), 2, "4 to 64 hex digits"),
    ],
)
def test_bad_input(run, recorded, tmp_path, words, code, said):
    told = run(*(word.format(tmp_path) for word in words))
    assert told.code == code
    assert said in told.err
    assert sorted(path.name for path in tmp_path.glob("x*")) == []


def test_prune_moves_old_runs_into_a_file(run, run_json, recorded, tmp_path):
    """Told where they are; back again they replay; the contract works all the while."""
    txs = [one["tx"] for one in run_json("runs").objects]
    contract = run_json("runs").objects[0]["contract"]
    file = tmp_path / "old.gvmr"
    told = run_json("prune", "--keep", 2, "--to", file).object
    assert (told["runs"], told["bytes"]) == (len(txs) - 2, file.stat().st_size)
    assert [one["tx"] for one in run_json("runs").objects] == txs[:2]
    gone = run("show", txs[-1])
    assert (gone.code, "import" in gone.err, "old.gvmr" in gone.err) == (2, True, True)
    assert run("verify").code == run("db", "check").code == 0
    assert run_json("call", contract, "get").object["result"]["value"] == 8
    assert run("prune", "--keep", 3, "--to", tmp_path / "none").out == "nothing to prune\n"
    assert not (tmp_path / "none").exists()
    assert run("import", file).code == 0
    assert run("replay", txs[-1]).code == 0


def test_a_prune_that_cannot_write_its_file_removes_nothing(run, run_json, recorded, tmp_path):
    """The file comes first."""
    before = run_json("runs").out
    assert run("prune", "--keep", 1, "--to", tmp_path / "no" / "such" / "folder").code == 3
    assert run("prune", "--keep", 1, "--to", recorded).code == 2
    assert run("prune", "--keep", 0, "--to", tmp_path / "x").code == 2
    assert run_json("runs").out == before
