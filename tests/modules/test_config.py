"""Configurations of modules: files, variables, and values taken key by key."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from genvm_replay import __version__
from genvm_replay.errors import UsageError
from genvm_replay.modules.config import DEPTH_MAX, Section, expand, read_config_file, take_service

ENVIRONMENT = {"KEY": "k", "PATTERN": "${ENV[KEY]}"}


@pytest.mark.parametrize(
    ("document", "expanded"),
    [
        ({"a": "${ENV[KEY]}"}, {"a": "k"}),
        ({"${ENV[KEY]}": ["x${ENV[KEY]}y", 1, None, True]}, {"k": ["xky", 1, None, True]}),
        ({"a": "${ENV[NONE]}"}, {"a": ""}),
        ({"a": "${ENV[PATTERN]}"}, {"a": "${ENV[KEY]}"}),
        ({"a": "${exeDir}/x ${genvmVersion}"}, {"a": f"/bin/x v{__version__}"}),
        ({"a": "#{signerUrl} $5 ${"}, {"a": "#{signerUrl} $5 ${"}),
    ],
)
def test_variables_are_put_into_keys_and_values(document, expanded):
    """Once, and what was put in is not looked at again: an environment can't reach another variable."""
    assert expand(document, ENVIRONMENT, exe_dir=Path("/bin")) == expanded


def test_an_unknown_variable_is_told_with_its_place():
    """A typing error must not become an empty key."""
    with pytest.raises(
        UsageError, match=r"configuration: backends\.x\[1\]: no variable has the name 'env\[A\]'"
    ):
        expand({"backends": {"x": ["", "${env[A]}"]}}, {})


def test_endless_nesting_is_refused():
    """YAML's anchors can build it."""
    loop: dict = {}
    loop["a"] = loop
    with pytest.raises(UsageError, match=f"nested deeper than {DEPTH_MAX}"):
        expand(loop, {})


@pytest.mark.parametrize("content", [b"", b"# nothing but a remark\n"])
def test_an_empty_file_is_a_configuration(tmp_path, content):
    """One that sets nothing."""
    path = tmp_path / "web.yaml"
    path.write_bytes(content)
    assert read_config_file(path) == {}


def test_a_few_lines_that_stand_for_millions_are_refused(tmp_path):
    """YAML's anchors again."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 8)}]" for n in range(1, 10)]
    path = tmp_path / "llm.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(UsageError, match="more than 200000 values"):
        expand(read_config_file(path), {})


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"a: [", "not YAML"),
        (b"\xff\xfe\xff", "not YAML"),
        (b"- 1", "a map of keys"),
        (b"a: !!python/object:os.system {}", "not YAML"),
        (b"a: " + b"x" * (4 << 20), "more than 4 MiB"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path, content, text):
    """The error begins with the file's path."""
    path = tmp_path / "llm.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=text) as caught:
        read_config_file(path)
    assert str(caught.value).startswith(str(path))


def test_a_file_is_read_and_a_missing_one_told(tmp_path):
    """JSON is YAML too."""
    path = tmp_path / "llm.yaml"
    with pytest.raises(UsageError, match="No such file"):
        read_config_file(path)
    path.write_text('{"a": "${ENV[KEY]}"}')
    assert read_config_file(path) == {"a": "${ENV[KEY]}"}


@pytest.mark.parametrize(
    ("take", "value"),
    [
        (lambda s: s.seconds("ms"), 0.5),
        (lambda s: s.seconds("minutes"), 180.0),
        (lambda s: s.seconds("number"), 2.5),
        (lambda s: s.seconds("none", 7.0), 7.0),
        (lambda s: s.decimal("price"), Decimal("0.1")),
        (lambda s: s.texts("list"), ("a",)),
        (lambda s: s.text_map("map"), {"a": "b"}),
        (lambda s: [(name, inner.whole("x", 0)) for name, inner in s.sections("maps")], [("b", 1), ("a", 0)]),
        (lambda s: (s.has("map"), s.has("null"), s.text("null", "d")), (True, False, "d")),
    ],
)  # fmt: skip
def test_values_are_taken_in_their_units(take, value):
    """Durations are seconds, prices exact, maps keep the order of the file."""
    section = Section(
        "top",
        {"ms": "500ms", "minutes": "3m", "number": 2.5, "price": 0.1, "list": ["a"], "map": {"a": "b"},
         "maps": {"b": {"x": 1}, "a": None}, "null": None},
    )  # fmt: skip
    assert take(section) == value


@pytest.mark.parametrize(
    ("values", "take", "text"),
    [
        ({}, lambda s: s.text("a"), r"top\.a: is missing"),
        ({"a": 1}, lambda s: s.text("a"), r"top\.a: text is wanted"),
        ({"a": True}, lambda s: s.whole("a"), "a whole number is wanted"),
        ({"a": -1}, lambda s: s.whole("a"), "-1 is not in 0"),
        ({"a": "x"}, lambda s: s.word("a", ("y", "z")), "'x' is none of y, z"),
        ({"a": "10 s"}, lambda s: s.seconds("a"), "'10 s' is no duration such as"),
        ({"a": "9999h"}, lambda s: s.seconds("a"), "no duration such as .* of at most 86400s"),
        ({"a": float("inf")}, lambda s: s.decimal("a"), "a number in 0"),
        ({"a": float("nan")}, lambda s: s.seconds("a"), "a number in 0"),
        ({"a": ["x", 1]}, lambda s: s.texts("a"), r"top\.a\[1\]: text is wanted"),
        ({"a": {"x": 1}}, lambda s: s.text_map("a"), r"top\.a\.x: text is wanted"),
        ({"a": {"x": {"y": 1}}}, lambda s: [inner.end() for _, inner in s.sections("a")], r"top\.a\.x\.y: no setting"),
        ({1: "x"}, lambda s: s.end(), "a key is text"),
        ({"suports": 1}, lambda s: s.end(), r"top\.suports: no setting has this name"),
    ],
)  # fmt: skip
def test_an_error_names_the_path_of_its_key(values, take, text):
    """What is wrong, where, and what would be right."""
    with pytest.raises(UsageError, match=text):
        take(Section("top", values))


def test_the_keys_that_both_modules_have_have_defaults():
    """Those of the deployed configuration (spec/manager-modules.md 3); some have no effect here."""
    section = Section(
        "",
        {
            "threads": 4,
            "blocking_threads": 48,
            "data_dir": "/x",
            "bind_address": "[::1]:0",
            "lua_path": "a/?.lua",
        },
    )
    service = take_service(section, port=3031)
    section.end()
    assert service.bind_address == ("::1", 0)
    assert (service.lua_path, service.vm_count, service.lua_script_path) == ("a/?.lua", 6, None)
    assert take_service(Section("", {}), port=3031).bind_address == ("127.0.0.1", 3031)


@pytest.mark.parametrize("address", ["127.0.0.1", ":1", "host:port", "h:70000", "h:²"])
def test_an_address_is_a_host_and_a_port(address):
    """Nothing is guessed."""
    with pytest.raises(UsageError, match="no host:port such as 127.0.0.1:3032"):
        take_service(Section("", {"bind_address": address}), port=3032)
