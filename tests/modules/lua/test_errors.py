"""Errors of modules as scripts throw, catch and pass them on (spec/manager-modules.md 5.4)."""

from __future__ import annotations

import pytest

LIB = "local lib = require('lib-genvm')\n"


def facts(error):
    """What an error is."""
    return error.causes, error.fatal, error.ctx


def test_what_a_script_throws_arrives_as_it_is(run):
    """Causes, fatality and facts."""
    source = "function f() __dflt.user_error{ causes = { 'A', 'B' }, fatal = false, ctx = { url = 'u', body = '\\255' } } end"
    assert facts(run(source)) == (("A", "B"), False, {"url": "u", "body": b"\xff"})
    assert facts(run("function f() __dflt.user_error{ causes = { 'A' }, fatal = true } end")) == (
        ("A",),
        True,
        {},
    )


@pytest.mark.parametrize(
    "throw",
    [
        "error(e, 0)",
        "error(e)",
        "coroutine.wrap(function() error(e) end)()",
        "local ok, same = pcall(error, e) error(same)",
        "local ok, same = xpcall(error, function(e) return e end, e) error(same)",
        "local ok, same = coroutine.resume(coroutine.create(function() error(e) end)) error(same)",
        "table.sort({ 3, 2, 1 }, function() error(e) end)",
        "package.preload.broken = function() error(e) end require('broken')",
        "require('lib-genvm').finally(function() error(e) end, function() end)",
    ],
)
def test_an_error_stays_what_it_is_on_every_way_up(run, throw):
    """Through protected calls, coroutines, comparators and libraries."""
    source = f"function f() local _, e = pcall(__dflt.json_parse, '{{') {throw} end"
    error = run(source)
    assert (error.causes, error.fatal) == (("DESERIALIZING",), True)


def test_a_caught_error_is_read_changed_and_thrown_again(run):
    """Its ctx reaches the caller; only `as_user_error` of a module's error gives a table."""
    source = (
        LIB
        + """
    function f(ctx, step)
      local ok, e = pcall(lib.rs.json_parse, "{")
      if step == 1 then
        return { ok, type(e), lib.rs.as_user_error("x") == nil, lib.rs.as_user_error({ causes = { "A" } }) == nil, tostring(e) }
      elseif step == 2 then
        lib.reraise_with_fatality(e, false)
      elseif step == 3 then
        lib.reraise_with_fatality("plain", false)
      end
      local told = lib.rs.as_user_error(e)
      table.insert(told.causes, 1, "OUTER")
      told.ctx.step = step
      lib.rs.user_error(told)
    end"""
    )
    assert run(source, 1) == [False, "table", True, True, "ModuleError: DESERIALIZING"]
    softened = run(source, 2)
    assert (softened.causes, softened.fatal) == (("DESERIALIZING",), False)
    assert run(source, 3).causes == ("LUA_ERROR",)
    outer = run(source, 4)
    assert (outer.causes, outer.fatal, outer.ctx["step"]) == (("OUTER", "DESERIALIZING"), True, 4)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("local x = nil return x.y", "script.lua:1: attempt to index a nil value (local 'x')"),
        ("error('mine')", "script.lua:1: mine"),
        ("error({ code = 7 })", "table: 1"),
        ("__dflt.user_error{ causes = {} }", "causes, a list of strings, is wanted"),
        ("__dflt.user_error{ causes = { 7 } }", "causes[1] is no string"),
        ("__dflt.split_url(1, 2, 3)", "__dflt.split_url: "),
        ("__dflt.log_json(print)", "__dflt.log_json: a function does not cross"),
    ],
)
def test_any_other_error_of_a_script_is_fatal_and_tells_its_text(run, body, text):
    """One cause, and the text under a plain key and under the one of deployed modules."""
    error = run(f"function f() {body} end")
    assert (error.causes, error.fatal) == (("LUA_ERROR",), True)
    assert text in error.ctx["error"]
    assert error.ctx["rust_error"] == error.ctx["error"]


def test_facts_that_do_not_cross_are_left_out_not_the_error(run):
    """The cause matters more."""
    error = run("function f() __dflt.user_error{ causes = { 'A' }, ctx = { f } } end")
    assert (error.causes, error.fatal) == (("A",), False)
    assert "a function does not cross" in error.ctx["error"]
