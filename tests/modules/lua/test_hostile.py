"""Scripts that try to get out, or never to end: what the prototype showed broken, and what it showed held."""

from __future__ import annotations

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits

TIGHT = LuaLimits(busy_ms=50_000, instructions_max=3_000_000, lua_bytes=16 << 20)

ENDLESS = {
    "loop": "function f() while true do end end",
    "a loop that keeps catching": "function f() while true do pcall(function() while true do end end) end end",
    "a handler that loops": "function f() xpcall(function() while true do end end, function() while true do end end) end",
    "a coroutine": "function f() coroutine.wrap(function() while true do end end)() end",
    "ever new coroutines": """
        function f()
          while true do
            local co = coroutine.create(function() while true do end end)
            coroutine.resume(co)
          end
        end""",
    "a coroutine that yields for ever": """
        function f()
          local step = coroutine.wrap(function() while true do coroutine.yield() end end)
          while true do step() end
        end""",
    "a comparison": "function f() local t = {} for i = 1, 99 do t[i] = i end table.sort(t, function(a, b) while true do end end) end",
    "a value to be closed": "function f() local x <close> = setmetatable({}, { __close = function() while true do end end }) end",
    "a metamethod": "function f() return setmetatable({}, { __index = function() while true do end end }).x end",
    "a replacement": "function f() return (('x'):gsub('x', function() while true do end end)) end",
    "its own name as text": "function f() return tostring(setmetatable({}, { __tostring = function() while true do end end })) end",
    "an error's own text": "function f() error(setmetatable({}, { __tostring = function() while true do end end })) end",
    "recursion that is no recursion": "function f() return f() end",
}

HUGE = {
    "a string that doubles": "function f() local s = 'x' while true do s = s .. s end end",
    "a string of a thousand millions": "function f() return #(('x'):rep(1e9)) end",
    "tables": "function f() local t = {} while true do t = { t } end end",
    "a list": "function f() local t = {} for i = 1, 1e9 do t[i] = i end end",
    "many coroutines": "function f() local t = {} while true do t[#t + 1] = coroutine.create(f) end end",
    "a text put together": "function f() local t = {} for i = 1, 1e5 do t[i] = ('x'):rep(500) end return #table.concat(t) end",
    "what a library function gives": "function f() return #__dflt.base64_encode(('x'):rep(14 << 20)) end",
    "room for a call is all gone": """
        function f()
          local kept, size = {}, 1 << 20
          while size > 16 do
            if pcall(function() kept[#kept + 1] = ('x'):rep(size) end) then else size = size // 2 end
          end
          return __dflt.base64_encode('abcdefghijklm')
        end""",
}

STUCK = {
    "a pattern": "function f() return (('a'):rep(30000)):find('.-.-.-b') end",
    "another pattern": "function f() return (('a'):rep(26)):find(('a?'):rep(26) .. ('a'):rep(26)) end",
    "a pattern inside pcall": "function f() while true do pcall(string.find, ('a'):rep(30000), '.-.-.-b') end end",
    "a replacement by pattern": "function f() return (('a'):rep(30000)):gsub('.-.-.-b', '') end",
}


@pytest.mark.parametrize("source", ENDLESS.values(), ids=list(ENDLESS))
def test_what_never_ends_is_stopped_and_the_session_goes_on(run_all, source):
    """By the count of instructions, which no pcall keeps; the text says where the script was."""

    error, after = run_all([source, "function f() return 'still there' end"], limits=TIGHT)
    assert (error.causes, error.fatal, after) == (("LUA_INSTRUCTION_LIMIT",), True, "still there")
    assert error.ctx["error"].startswith("script.lua:")


@pytest.mark.parametrize("source", HUGE.values(), ids=list(HUGE))
def test_memory_is_bounded(run, source):
    """The script gets an error; what it leaves is collected with its worker."""
    error = run(source, limits=LuaLimits(busy_ms=50_000, lua_bytes=16 << 20))
    assert isinstance(error, ModuleError)
    assert error.fatal
    assert "not enough memory" in error.ctx["error"]


@pytest.mark.parametrize("source", STUCK.values(), ids=list(STUCK))
def test_what_no_hook_can_interrupt_is_killed(run, source):
    """String patterns run inside one instruction: only the end of the process ends them."""
    error = run(source, limits=LuaLimits(busy_ms=80))
    assert isinstance(error, ModuleError)
    assert (error.causes, error.fatal) == (("LUA_TIME_LIMIT",), True)


def test_a_finalizer_is_not_given(run):
    """Hooks are off in finalizers: a loop there would never be interrupted. Adding one later is ignored by Lua."""
    source = """
    function f()
      local given = pcall(setmetatable, {}, { __gc = function() while true do end end })
      local meta = {}
      setmetatable({}, meta)
      meta.__gc = function() while true do end end
      collectgarbage()
      return given
    end"""
    assert run(source) is False


@pytest.mark.parametrize(
    "word",
    ["debug", "io", "os", "python", "dofile", "loadfile", "warn", "string.dump", "package.loadlib", "package.cpath",
     "package.searchers", "math.randomseed", "lupa"],
)  # fmt: skip
def test_what_reaches_the_process_is_not_there(run, word):
    """No file, program, Python object or bytecode."""
    assert run(f"function f() return {word} == nil end") is True


def test_nothing_of_python_is_seen_through_a_library_function(run):
    """They are Lua functions: no metatable, no attribute."""
    source = """
    function f(ctx)
      local kinds = {}
      for name, value in pairs(__dflt) do
        kinds[#kinds + 1] = type(value) == "function" and getmetatable(value) == nil
          and not pcall(function() return value.__globals__ end)
      end
      local ok, e = pcall(__dflt.json_parse, "{")
      return { kinds = kinds, e = type(e), meta = getmetatable(e), forged = pcall(setmetatable, e, {}) }
    end"""
    got = run(source)
    assert all(got.pop("kinds"))
    assert got == {"e": "table", "meta": "ModuleError", "forged": False}


def test_bytecode_is_not_loaded(run):
    """Lua does not check it, so it could do anything; a mode that asks for it is passed over."""
    assert (
        run("function f() return load('\\27Lua', 'x', 'b') == nil and load('return 1', 'x', 'bt')() end") == 1
    )


def test_addresses_are_never_printed(run):
    """A number in the order of asking stands for an object, the same one each time."""
    source = """
    function f()
      local t, g = {}, function() end
      local texts = { tostring(t), tostring(g), tostring(t), ("%s"):format(t), tostring(print),
        tostring(setmetatable({}, { __name = "Mine" })), tostring(coroutine.create(g)) }
      texts[#texts + 1] = tostring(pcall(string.format, "%p", t))
      texts[#texts + 1] = tostring(pcall(string.format, "%-20p", t))
      texts[#texts + 1] = ("%%p"):format()
      return texts
    end"""
    assert run(source) == [
        "table: 1", "function: 2", "table: 1", "table: 1", "function: 3", "Mine: 4", "thread: 5", "false", "false", "%p",
    ]  # fmt: skip


def test_deep_recursion_is_an_error(run):
    """The stack of Lua is bounded; also through metamethods and patterns, whose recursion is C's."""
    source = """
    function f()
      local function deep(n) return 1 + deep(n + 1) end
      local t = setmetatable({}, {})
      getmetatable(t).__index = function(_, k) return t[k + 1] end
      return { pcall(deep, 1), pcall(function() return t[1] end), (pcall(string.rep, "x", -1)) }
    end"""
    assert run(source) == [False, False, True]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("function f() local t = {} t.t = t return t end", "64 levels"),
        ("function f() return { print } end", "a function does not cross"),
        ("function f() return coroutine.create(f) end", "does not cross"),
        ("function f() return { [{}] = 1 } end", "a table as a key"),
        ("function f() return { [true] = 1 } end", "a boolean as a key"),
        ("function f() local t = {} for i = 1, 6e5 do t[i] = i end return t end", "500000 values"),
        ("function f() return ('x'):rep(3 << 20) end", "limit 2097152"),
    ],
)
def test_results_are_bounded(run, source, text):
    """Size, depth and count, and only values."""
    error = run(source, limits=LuaLimits(value_bytes=2 << 20))
    assert error.causes == ("LUA_VALUE",)
    assert text in error.ctx["error"]


def test_of_many_results_the_first_counts(run):
    """However many there are."""
    assert run("function f() return 1, table.unpack({}, 1, 200000) end") == 1
    assert "too many results" in run("function f() return 1, table.unpack({}, 1, 1e8) end").ctx["error"]


def test_arguments_of_library_functions_are_bounded(run):
    """Count and size."""
    assert (
        "more than 16 arguments"
        in run("function f() __dflt.url_encode(table.unpack({}, 1, 999)) end").ctx["error"]
    )
    error = run(
        "function f() __dflt.log_json{message=('x'):rep(3 << 20)} end", limits=LuaLimits(value_bytes=2 << 20)
    )
    assert "limit 2097152" in error.ctx["error"]
