"""`prepare`."""

from __future__ import annotations

from genvm_replay.cli.runtime import folder_size


def test_prepare_says_where_the_cache_is(run_json, run, cache):
    told = run_json("prepare")
    assert told.code == 0
    assert told.object["cache"] == str(cache)
    assert told.object["bytes"] > 10_000_000
    assert told.object["builds"] == ["epoch", "fast"]
    assert str(cache) in run("prepare").out


def test_the_size_of_a_folder_that_is_not_there_is_0(tmp_path):
    assert folder_size(tmp_path / "nowhere") == 0
