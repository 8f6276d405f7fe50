"""Contract code is recognised as zip, wasm or text, in this order (spec/executor.md 6.1, 1.4)."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from genvm_replay.executor.runners.forms import read_contract, version_pattern
from genvm_replay.executor.stops import VmError

from .archives import EMPTY_MODULE, custom_section, zipped

VERSIONED = EMPTY_MODULE + custom_section("other", b"v9") + custom_section("genvm.version", b" v1.2.3 ")
RUNNER = '{ "Depends": "py-genlayer:test" }'
TEXTS = [
    (f"# {RUNNER}\nx = 1\n", f" {RUNNER}", "v0.1.0"),
    (f"# v0.1.3 \n# {RUNNER}", f" {RUNNER}", " v0.1.3 "),
    ('// {"a":\r\n//1}\r\nrest', ' {"a":1}', "v0.1.0"),
    ("-- 1\n-- 2\n--3\n -- 4", " 1 23", "v0.1.0"),
    ("#1\n\n#2", "1", "v0.1.0"),
    ("#1\n// 2\n#3", "1", "v0.1.0"),
    ("#a\x0b\x0c\x85\u2028b\rc", "a\x0b\x0c\x85\u2028b\rc", "v0.1.0"),
    ("#1\r", "1\r", "v0.1.0"),
    ("#\x1cv1", "\x1cv1", "v0.1.0"),
    ("#", "", "v0.1.0"),
    ("# very nice\n#{}", "{}", " very nice"),
    ("## {}", "# {}", "v0.1.0"),
]
REFUSED = [
    (b"", "invalid_contract absent_runner_comment"),
    (b" # {}", "invalid_contract absent_runner_comment"),
    (b"\xef\xbb\xbf# {}", "invalid_contract absent_runner_comment"),
    (b"/ {}", "invalid_contract absent_runner_comment"),
    (b"\0asm\x0d\0\x01\0", "invalid_contract absent_runner_comment"),
    (b"# {}\n\xff", "invalid_contract not_utf8_text"),
    (zipped({"a": b"b"})[:-1] + b"\xff\xff", "invalid_contract not_utf8_text"),
    (EMPTY_MODULE + b"\x01", "invalid_contract"),
    (EMPTY_MODULE + b"\0\x02\x01\xff", "invalid_contract"),
]


@pytest.mark.parametrize(("text", "runner", "version"), TEXTS)
def test_text(text: str, runner: str, version: str) -> None:
    """Lines end with LF or CR LF only; they are joined without anything between."""
    code = text.encode()
    archive = read_contract(code)
    assert dict(archive) == {"runner.json": runner.encode(), "version": version.encode(), "file": code}
    assert archive.charged_size == len(code)


@pytest.mark.parametrize(("code", "version"), [(EMPTY_MODULE, b"v0.1.0"), (VERSIONED, b" v1.2.3 ")])
def test_wasm(code: bytes, version: bytes) -> None:
    """A module starts itself."""
    archive = read_contract(code)
    assert dict(archive) == {"runner.json": b'{"StartWasm":"file"}', "version": version, "file": code}
    assert archive.charged_size == len(code)


@pytest.mark.parametrize("front", [b"", EMPTY_MODULE, b'# { "Depends": "py-genlayer:test" }\n'])
def test_zip_goes_first(front: bytes) -> None:
    """A zip file may look like anything in front."""
    assert dict(read_contract(front + zipped({"runner.json": b"{}"}))) == {"runner.json": b"{}"}


@pytest.mark.parametrize(("code", "message"), REFUSED)
def test_refused(code: bytes, message: str) -> None:
    """With the protocol's message and a reason."""
    with pytest.raises(VmError) as caught:
        read_contract(code)
    assert caught.value.message == message
    assert caught.value.cause


@pytest.mark.parametrize(
    ("code", "pattern"),
    [
        (b"# {}", "v0.1.0"),
        (b"#  v0.2.16\n# {}", "  v0.2.16"),
        (VERSIONED, " v1.2.3 "),
        (zipped({"version": b"1.2.3\n"}), "1.2.3\n"),
        (zipped({"version": b"nonsense"}), "nonsense"),
        (zipped({}), "v*.*.*"),
    ],
)
def test_version_pattern(code: bytes, pattern: str) -> None:
    """Just as it stands in the archive."""
    assert version_pattern(code) == pattern


@pytest.mark.parametrize("code", [b"", zipped({"version": b"\xff"})])
def test_no_version_pattern(code: bytes) -> None:
    """No contract, or no text."""
    with pytest.raises(VmError):
        version_pattern(code)


def test_long_header_takes_linear_time() -> None:
    """A million comment lines."""
    archive = read_contract(b"#\n" * 1_000_000)
    assert archive["runner.json"] == b""


@given(
    st.binary(max_size=80), st.sampled_from([b"", EMPTY_MODULE, b"#", b"// v", b"PK\x05\x06", b"PK\x03\x04"])
)
def test_any_bytes_give_an_archive_or_a_vm_error(code: bytes, front: bytes) -> None:
    """Nothing else escapes, from the version neither."""
    with contextlib.suppress(VmError):
        assert read_contract(front + code).version
