"""The program as a whole: its help, its shared options, its commands."""

from __future__ import annotations

import pytest

from genvm_replay import __version__
from genvm_replay.cli import context, genvm, main
from genvm_replay.cli.errors import EXIT_CODES
from genvm_replay.executor.python_runtime import cache


def test_version(run):
    assert run("--version").out == f"genvm-replay {__version__}\n"


def test_help_lists_all_commands_and_exit_codes(run):
    told = run("--help")
    assert told.code == 0
    for name in main.COMMANDS:
        assert f"\n  {name} " in told.out
    for code, text in EXIT_CODES.items():
        assert f"{code:<4} {text}" in told.out


def test_no_command_shows_the_help(run):
    told = run()
    assert told.code == 2
    assert "Commands:" in told.err


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_explains_itself(run, name):
    told = run(name, "--help")
    assert told.code == 0
    assert "--json" in told.out


@pytest.mark.parametrize("table", [main.COMMANDS, genvm.COMMANDS])
def test_tables_name_commands_that_exist(table):
    group = main.program if table is main.COMMANDS else genvm.program
    for name in table:
        assert group.get_command(None, name) is not None


def test_shared_options_work_before_and_after_the_command(run, recorded, tmp_path, monkeypatch):
    monkeypatch.delenv("GENVM_REPLAY_DB")
    listed = run("--json", "--db", recorded, "runs")
    assert len(listed.objects) == 5
    assert run("runs", "--db", recorded, "--json").out == listed.out
    assert (
        run("--db", tmp_path / "nowhere.db", "runs", "--db", f"sqlite:///{recorded}", "--json").out
        == listed.out
    )


def test_the_cache_variable_is_the_executors():
    assert context.CACHE_VARIABLE == cache.CACHE_VARIABLE


@pytest.mark.parametrize("name", main.COMMANDS)
def test_every_command_takes_the_shared_options(name):
    taken = {word for option in main.program.get_command(None, name).params for word in option.opts}
    assert taken >= {"--db", "--cache", "--json"}


def test_an_option_counts_more_than_the_environment(run, recorded, monkeypatch):
    monkeypatch.setenv("GENVM_REPLAY_DB", "/nowhere/journal.db")
    assert run("runs").code == 3
    assert run("--db", recorded, "runs").code == 0


def test_the_default_journal_lies_in_the_users_data_folder(run, monkeypatch, tmp_path):
    monkeypatch.delenv("GENVM_REPLAY_DB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert str(tmp_path / "data" / "genvm-replay" / "journal.db") in run("runs").err
