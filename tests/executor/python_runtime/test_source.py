"""`source`: only the exact files that this release knows are used, and every problem says what to run."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from genvm_replay.errors import EnvironmentProblem
from genvm_replay.executor.python_runtime.source import REQUIREMENT, installed_source

from .tiny import WASM, tiny_source


def test_installed_files_are_the_pinned_ones():
    source = installed_source()
    assert source.read_wasm()[:4] == b"\0asm"
    source.check_stdlib()


def test_missing_package_names_the_command():
    with pytest.raises(EnvironmentProblem, match=re.escape(f"pip install '{REQUIREMENT}'")):
        installed_source("no_such_package")


def test_right_files_are_read(tmp_path: Path):
    source = tiny_source(tmp_path)
    assert source.read_wasm() == WASM
    source.check_stdlib()


def test_another_module_is_refused(tmp_path: Path):
    source = tiny_source(tmp_path)
    source.wasm.write_bytes(WASM[:-1])
    with pytest.raises(
        EnvironmentProblem, match=r"python\.wasm has SHA-256 .* pip install --force-reinstall"
    ):
        source.read_wasm()


def test_another_archive_is_refused(tmp_path: Path):
    source = dataclasses.replace(tiny_source(tmp_path), stdlib_sha256="0" * 64)
    with pytest.raises(EnvironmentProblem, match=r"python-stdlib\.zip has SHA-256"):
        source.check_stdlib()


def test_missing_files_are_reported(tmp_path: Path):
    source = tiny_source(tmp_path)
    source.wasm.unlink()
    source.stdlib_zip.unlink()
    for read in (source.read_wasm, source.check_stdlib, source.stdlib_stamp):
        with pytest.raises(EnvironmentProblem, match=r"incomplete: .*No such file.* pip install"):
            read()


def test_stamp_changes_with_the_file(tmp_path: Path):
    source = tiny_source(tmp_path)
    stamp = source.stdlib_stamp()
    assert source.stdlib_stamp() == stamp
    replaced = tmp_path / "new"
    replaced.write_bytes(source.stdlib_zip.read_bytes())
    replaced.replace(source.stdlib_zip)
    assert source.stdlib_stamp() != stamp
