"""`prepare`."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor

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


def test_folders_that_vanish_meanwhile_do_not_count(tmp_path):
    """Other processes throw entries of the cache away."""
    (tmp_path / "stays").write_bytes(bytes(10))

    def come_and_go():
        for number in range(300):
            entry = tmp_path / f"entry-{number % 7}"
            entry.mkdir()
            (entry / "image").write_bytes(b"")
            shutil.rmtree(entry)

    with ThreadPoolExecutor() as threads:
        other = threads.submit(come_and_go)
        while not other.done():
            assert folder_size(tmp_path) == 10
        other.result()
