"""`demo`: the first thing that a new user sees."""

from __future__ import annotations

from genvm_replay.cli.demo import acts, story

from .conftest import start, wait


def test_the_demo_replays_identically_and_finds_the_tampering(tmp_path):
    told = wait(start("--json", "demo", "--keep", tmp_path / "kept"))
    assert told.code == 0, told.err
    summary = told.object
    assert (summary["good"], summary["identical"], summary["found"]) == (True, True, True)
    assert len(summary["runs"]) == len(summary["replays"]) == len(story.STORY)
    assert {run["result"]["kind"] for run in summary["runs"]} == {"return", "user_error"}
    listed = wait(start("--json", "--db", tmp_path / "kept" / "journal.db", "runs"))
    assert len(listed.objects) == len(story.STORY)


def test_it_narrates_with_real_ids(run):
    told = run("demo")
    assert told.code == 0
    for part in (
        "identical",
        "verify  found it, exit code 1",
        "replay  found it, exit code 1",
        "All as it should be.",
    ):
        assert part in told.out


def test_it_fails_where_a_replay_is_not_identical(run, monkeypatch):
    monkeypatch.setattr(acts.Demo, "_replay", lambda self: False)
    told = run("demo")
    assert (told.code, "NOT as it should be" in told.out) == (1, True)


def test_it_does_not_write_into_a_folder_in_use(run, tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "mine").write_text("")
    told = run("demo", "--keep", tmp_path / "kept")
    assert (told.code, "not empty" in told.err) == (2, True)
