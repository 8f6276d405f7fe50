"""The program `genvm`."""

from __future__ import annotations

import io
import sys

import pytest

from genvm_replay import __version__
from genvm_replay.cli.genvm import program

from .conftest import CONTRACTS, run_here


@pytest.fixture
def genvm(capsys, monkeypatch):
    def run(*words, stdin=b""):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        return run_here(capsys, program, *words)

    return run


def test_version(genvm):
    assert genvm("--version").out == f"genvm {__version__}\n"


@pytest.mark.parametrize(
    ("code", "version"),
    [
        ((CONTRACTS / "trouble.py").read_bytes(), " v0.2.16"),
        (b'# { "Depends": "py-genlayer:test" }\n', "v0.1.0"),
        (b"//v1.2.3  \n// {}\n", "v1.2.3  "),
        (b"# very nice\n", " very nice"),
        (b"\0asm\x01\0\0\0", "v0.1.0"),
    ],
)
def test_the_version_of_a_contract_is_printed_as_it_stands_there(genvm, code, version):
    told = genvm("parse-version-pattern", stdin=code)
    assert (told.code, told.out) == (0, version)


@pytest.mark.parametrize("code", [b"", b"print()\n", b"\xff"])
def test_what_is_no_contract_has_no_version(genvm, code):
    told = genvm("parse-version-pattern", stdin=code)
    assert (told.code, told.out) == (2, "")


def test_precompile_prepares_the_runtime(genvm, cache):
    told = genvm("precompile", "--json")
    assert (told.code, told.object["cache"]) == (0, str(cache))
    told = genvm("precompile", "--info")
    assert told.code == 0
    assert "wasmtime" in told.out
