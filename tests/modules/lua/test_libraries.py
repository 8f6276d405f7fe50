"""`require`, and the libraries that come with the service."""

from __future__ import annotations

import asyncio

import pytest


@pytest.fixture
def run_with(pool_of):
    """What `f` of a source gives where `require` looks into `folders`."""

    def call(source, folders):
        async def session():
            async with pool_of(source, libraries=folders) as pool, pool.session({}, None) as session:
                return await session.call("f")

        return asyncio.run(session())

    return call


def test_libraries_come_from_the_folders_named_and_ours_last(run_with, tmp_path):
    """The first that has it; dots are folders; a path may say itself where the name goes. Loaded once."""
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "b" / "pack").mkdir(parents=True)
    (tmp_path / "a" / "mine.lua").write_text("count = (count or 0) + 1 return { name = ..., count = count }")
    (tmp_path / "b" / "mine.lua").write_text("return 'never seen'")
    (tmp_path / "a" / "deep" / "er.lua").write_text("loaded_deep = true")
    (tmp_path / "b" / "pack" / "init.lua").write_text("return 'a folder'")
    (tmp_path / "c-odd.luax").write_text("return 'odd'")
    source = """
    function f()
      return { require("mine"), require("mine").count, require("deep.er"), loaded_deep, require("pack"), require("odd"),
        require("lib-genvm").rs == __dflt, package.loaded.mine == require("mine"), require("string") == string }
    end"""
    folders = [tmp_path / "a", tmp_path / "b", tmp_path / "c-?.luax"]
    assert run_with(source, folders) == [
        {"count": 1, "name": "mine"}, 1, True, True, "a folder", "odd", True, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nothing", "no file"),
        ("../secret", "not a library's name"),
        ("/etc/passwd", "not a library's name"),
        ("a..b", "not a library's name"),
        ("", "not a library's name"),
        ("x" * 999, "not a library's name"),
        ("broken", "broken.lua:1:"),
        ("fails", "fails.lua:1: no"),
        ("itself", "requires itself"),
    ],
)
def test_what_can_not_be_required_says_why(run_with, tmp_path, name, text):
    """Names never leave the folders; a library that failed can be tried again."""
    (tmp_path / "secret.lua").write_text("return 'secret'")
    folder = tmp_path / "lib"
    folder.mkdir()
    (folder / "broken.lua").write_text("return (")
    (folder / "fails.lua").write_text("error('no')")
    (folder / "itself.lua").write_text("return require('itself')")
    source = f"""
    function f()
      local ok, e = pcall(require, "{name}")
      return {{ ok, e, pcall(require, "{name}") }}
    end"""
    failed, message, again, message_again = run_with(source, [folder])
    assert (failed, again, message) == (False, False, message_again)
    assert text in message


def test_what_lib_genvm_has(run, caplog):
    """The names and results that scripts count on (spec/manager-modules.md 5.3)."""
    source = """
    local lib = require("lib-genvm")
    function f()
      lib.log("text")
      lib.log{ level = "error", message = "map" }
      local order = {}
      local function note(word) order[#order + 1] = word end
      local results = { lib.finally(function() note("body") return 1, 2 end, function() note("cleanup") end) }
      local ok, e = pcall(lib.finally, function() error("broken", 0) end, function() note("cleanup too") end)
      return { lib.get_first_from_table({ b = 2, a = 1 }), lib.get_first_from_table({}) == nil,
        (pcall(lib.get_first_from_table_assert, {})), lib.get_first_from_table_assert({ 7 }).value,
        lib.map_01_to_range(0.25, 2, 6), results, ok, e, order }
    end"""
    assert run(source) == [
        {"key": "a", "value": 1}, True, False, 7, 3.0, [1, 2], False, "broken", ["body", "cleanup", "cleanup too"],
    ]  # fmt: skip
    assert [(record.levelname, record.getMessage()) for record in caplog.records][-1] == ("ERROR", "map")


def test_value2json_makes_json_of_anything(run):
    """What JSON has not becomes a text."""
    source = """
    local to_json = require("value2json")
    function f()
      local t = { 1, "x", 0/0 > 0, math.huge, "\\255", print }
      local loop = { name = "loop" }
      loop.inner = { loop }
      return { to_json(t), to_json.encode(loop), to_json(nil), to_json({ [true] = 1, [2] = {} }) }
    end"""
    assert run(source) == [
        '[1,"x",false,"inf","<1 bytes>","function: 1"]',
        '{"inner":["<a table that holds this one>"],"name":"loop"}',
        "null",
        '{"2":{},"true":1}',
    ]


def test_inspect_shows_any_value(run):
    """In the form of Lua source, keys in order."""
    source = """
    local inspect = require("inspect")
    function f()
      local loop = { 1, a = { b = "x\\n\\"" }, ["not a name"] = true, ["end"] = 1.5 }
      loop.me = loop
      local line = { newline = " ", indent = "" }
      return { inspect(loop, line), inspect({}), inspect("x"), inspect({ { { 1 } } }, { depth = 1, newline = "", indent = "" }),
        inspect({ key = "s", b = 1 }, { newline = "", indent = "", process = function(item) if item ~= "s" then return item end end }),
        inspect({ 1, { 2 } }) }
    end"""
    assert run(source) == [
        '{ 1, a = { b = "x\\n\\"" }, ["end"] = 1.5, me = <table: 1>, ["not a name"] = true }',
        "{}",
        '"x"',
        "{{...}}",
        "{b = 1}",
        "{\n  1,\n  {\n    2\n  }\n}",
    ]


def test_files_and_programs_only_where_the_operator_allows_them(pool_of, tmp_path):
    """`io` and `os` come with `allow_io`, and the keys in the environment still do not."""
    from genvm_replay.modules.lua.limits import LuaLimits

    target = tmp_path / "written"
    source = f"""
    function f()
      local file = assert(io.open("{target}", "w"))
      file:write("by Lua")
      file:close()
      return {{ os.getenv("HOME") == nil, os.time() > 0, getmetatable(io.stdout) == nil, tostring(file) }}
    end"""

    async def session():
        async with (
            pool_of(source, limits=LuaLimits(allow_io=True)) as pool,
            pool.session({}, None) as session,
        ):
            return await session.call("f")

    assert asyncio.run(session()) == [True, True, True, "file (closed)"]
    assert target.read_text() == "by Lua"
