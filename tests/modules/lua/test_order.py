"""The order of `pairs` and `next`: the same in every process."""

from __future__ import annotations

KEYS = """
local function keys(t)
  local got = {}
  for key in pairs(t) do got[#got + 1] = tostring(key) end
  return table.concat(got, " ")
end
local function by_next(t)
  local got, key = {}, nil
  repeat
    key = next(t, key)
    got[#got + 1] = tostring(key)
  until key == nil
  return table.concat(got, " ")
end
"""
MIXED = '{ zeta = 1, [true] = 1, alpha = 1, 1, 1, [-5] = 1, [0.5] = 1, [10] = 1, [false] = 1, ["Z"] = 1, ["\\255"] = 1, [-2.5] = 1 }'
ORDER = "-5 1 2 10 -2.5 0.5 Z alpha zeta \udcff false true"


def test_integers_then_other_numbers_then_strings_by_bytes_then_booleans(run):
    """As documented; `next` goes the same way."""
    for name, end in (("keys", ""), ("by_next", " nil")):
        got = run(f"{KEYS} function f() return {name}({MIXED}) end")
        assert got == (ORDER + end).encode("utf-8", "surrogateescape")


def test_objects_as_keys_come_last_in_the_order_they_were_first_told(run):
    """Nothing else of them is stable."""
    source = """
    function f()
      local a, b, c = {}, {}, {}
      tostring(c) tostring(a) tostring(b)
      local names, got = { [a] = "a", [b] = "b", [c] = "c" }, {}
      for _, name in pairs({ x = "x", [a] = "a", [b] = "b", [c] = "c" }) do got[#got + 1] = name end
      return got
    end"""
    assert run(source) == ["x", "c", "a", "b"]


def test_a_table_may_be_changed_while_it_is_walked(run):
    """Fields may be set and cleared, as in Lua; a cleared one is not visited."""
    source = """
    function f()
      local seen = { {}, {} }
      local t = { a = 1, b = 2, c = 3, d = 4 }
      for k, v in pairs(t) do seen[1][#seen[1] + 1] = k; t[k] = v * 2; t.c = nil end
      local key, value = next(t)
      while key do seen[2][#seen[2] + 1] = key; t[key] = nil; key, value = next(t, key) end
      return { seen, next(t) == nil, next({}) == nil, (next({ x = 1 })) }
    end"""
    assert run(source) == [[["a", "b", "d"], ["a", "b", "d"]], True, True, "x"]


def test_pairs_keeps_what_else_it_does_in_lua(run):
    """`__pairs`, three results, errors for what is no table; `next` errors for what is no key."""
    source = """
    function f()
      local t = setmetatable({}, { __pairs = function(t) return function(_, k) if not k then return 1, 2 end end, t, nil end })
      local got = {}
      for k, v in pairs(t) do got = { k, v } end
      local u = { a = 1, b = 2 }
      local step, state, start = pairs(u)
      return { got, rawequal(state, u) and start == nil, pcall(pairs, nil) or pcall(pairs) or pcall(next, u, "x") or pcall(next) }
    end"""
    assert run(source) == [[1, 2], True, False]


def test_maps_come_to_the_service_in_the_same_order(run):
    """Whatever the service makes of them is then the same too."""
    got = run(f"function f() local t = {MIXED} t[true], t[false] = nil, nil return t end")
    assert list(got) == [-5, 1, 2, 10, -2.5, 0.5, "Z", "alpha", "zeta", b"\xff"]
