"""The library functions, called by a script."""

from __future__ import annotations

import asyncio
import hashlib
import io
import logging
import math

import pytest
from PIL import Image

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("base64_encode('\\0\\255x')", "AP94"),
        ("base64_decode('AP94')", b"\x00\xffx"),
        ("url_encode('a b/ä~*-._+')", "a+b%2F%C3%A4%7E*-._%2B"),
        (
            """json_parse('{"a": [1, 2.5, "x", true], "b": null, "c": {}}')""",
            {"a": [1, 2.5, "x", True], "c": {}},
        ),
        ("json_parse('9223372036854775808')", 2.0**63),
        ("json_parse('\"\\\\ud800\"')", "\ufffd"),
        ("json_parse('-1' .. ('0'):rep(400))", -math.inf),
        ("json_parse('null')", None),
        ("base64_encode(coroutine.wrap(function() return __dflt.base64_encode('x') end)())", "ZUE9PQ=="),
        ("base64_encode(coroutine.wrap(function() __dflt.sleep_seconds(0) return 'x' end)())", "eA=="),
        (
            "json_stringify({ b = { 1, 2 }, a = 'ä\\n', [3] = 1.5, c = {} })",
            '{"3":1.5,"a":"ä\\n","b":[1,2],"c":{}}',
        ),
        ("json_stringify(nil)", "null"),
        ("sha2_256('abc')", hashlib.sha256(b"abc").digest()),
        ("sha3_256('abc')", hashlib.sha3_256(b"abc").digest()),
        ("keccak256('')", bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")),
        ("filter_text('  e\\u{301}\\t\\u{200b}x ', { 'NFC', 'RmZeroWidth', 'NormalizeWS' })", "éx"),
        ("split_url('https://Example.com:8443/x').port", 8443),
    ],
)
def test_a_pure_function(run, expression, value):
    """As spec/manager-modules.md 5.3 has it."""
    assert run(f"function f() return __dflt.{expression} end") == value


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("base64_decode('A')", "DESERIALIZING"),
        ("base64_decode('A-_=')", "DESERIALIZING"),
        ("json_parse('{')", "DESERIALIZING"),
        ("json_parse('NaN')", "DESERIALIZING"),
        ("json_parse('\\255')", "DESERIALIZING"),
        ("json_parse(('['):rep(1e5))", "DESERIALIZING"),
        ("json_stringify(0/0)", "DESERIALIZING"),
        ("json_stringify('\\255')", "DESERIALIZING"),
        ("json_parse(7)", "LUA_VALUE"),
        ("filter_text('x', { 'ROT13' })", "UNKNOWN_FILTER"),
        ("filter_image('GIF89a', {})", "INVALID_IMAGE"),
        ("filter_image('', { { JPEG = 1, Denoise = 1 } })", "UNKNOWN_FILTER"),
        ("random_bytes(-1)", "LUA_VALUE"),
        ("random_bytes(1 << 40)", "LUA_VALUE"),
        ("sleep_seconds('x')", "LUA_VALUE"),
        ("sleep_seconds(0/0)", "LUA_VALUE"),
    ],
)
def test_what_a_function_refuses_is_a_fatal_error_that_a_script_can_read(run, expression, code):
    """The codes of spec/manager-modules.md 5.3, and ours."""
    source = f"function f() local ok, e = pcall(function() return __dflt.{expression} end) return __dflt.as_user_error(e) end"
    got = run(source)
    assert (got["causes"], got["fatal"]) == ([code], True)


def test_pictures_are_filtered_in_the_worker(run):
    """One filter by its position values, by names, or alone; PNG comes out."""
    picture = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(picture, "PNG")
    source = """
    function f(ctx, picture)
      local once = __dflt.filter_image(picture, { { Unsharpen = { 1.5, 3 } }, { GuassianNoise = 0.5 } })
      return __dflt.filter_image(once, { JPEG = { quality = 0.5 } })
    end"""
    got = run(source, picture.getvalue())
    with Image.open(io.BytesIO(got)) as opened:
        assert (opened.format, opened.size) == ("PNG", (256, 256))


def test_randomness_and_the_clock(run):
    """Bytes of the asked length, a number in [0, 1), a clock that does not go back, `math.random` of its own seed."""
    source = """
    function f()
      local before = __dflt.monotonic_ms()
      __dflt.sleep_seconds(0.001)
      return { #__dflt.random_bytes(33), __dflt.random_float(), __dflt.monotonic_ms() >= before, math.random(1 << 60) }
    end"""
    (size, number, later, one), other = run(source), run(source)[3]
    assert (size, later) == (33, True)
    assert 0 <= number < 1
    assert one != other


def test_logs_reach_the_log_of_the_service(run, caplog):
    """Level and message, and the rest as fields; `print` is a log at level info."""
    with caplog.at_level(logging.DEBUG, logger="genvm_replay.modules.lua"):
        run("""function f()
          __dflt.log_json{ level = "warn", message = "careful", backend = "a", status = 503 }
          __dflt.log_json{ message = "plain" }
          print("x", 1, nil, {})
        end""")
    got = [(record.levelname, record.getMessage(), record.fields) for record in caplog.records]
    assert got == [
        ("WARNING", "careful", {"backend": "a", "status": 503}),
        ("INFO", "plain", {}),
        ("INFO", "x\t1\tnil\ttable: 1", {}),
    ]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        ({"body": bytes(3 << 20)}, "its answer: 3145"),
        (ModuleError("A", ctx={"body": bytes(3 << 20)}), "its answer: 3145"),
        ({"time": 1j}, "LUA_VALUE"),
        (ModuleError("A", ctx={"time": 1j}), "A"),
    ],
)
def test_an_answer_that_does_not_cross_is_an_error_of_that_call(pool_of, answer, text):
    """Too large or of another kind: the script is told, and the session goes on."""

    async def give(owner, arguments):
        if isinstance(answer, ModuleError):
            raise answer
        return answer

    async def session():
        source = "function f() local ok, e = pcall(__test.give) return tostring(e) end"
        pool = pool_of(source, functions={"__test.give": give}, limits=LuaLimits(value_bytes=2 << 20))
        async with pool, pool.session({}, None) as open_session:
            return [await open_session.call("f"), await open_session.call("f")]

    first, second = asyncio.run(session())
    assert text in first
    assert second == first


def test_a_function_of_the_service_gets_the_owner_and_the_arguments(pool_of, caplog):
    """`ctx` itself crosses as an empty table: the service knows the session. What it raises reaches the script."""

    async def echo(owner, arguments):
        return [owner, *arguments]

    async def refuse(owner, arguments):
        try:
            raise ModuleError("STATUS_NOT_OK", fatal=True, ctx={"status": 503, "body": b"\xff"})
        except ModuleError as inner:
            if arguments:  # another layer's error around it
                raise RuntimeError("wrapped") from inner
            raise

    async def broken(owner, arguments):
        raise RuntimeError("sk-secret")

    source = """
    function f(ctx)
      local got = { __test.echo(ctx, { a = { 1, "\\255" } }, "x") }
      for _, e in ipairs{ table.pack(pcall(__test.refuse)), table.pack(pcall(__test.refuse, 1)), table.pack(pcall(__test.broken)) } do
        got[#got + 1] = __dflt.as_user_error(e[2]) or tostring(e[2])
      end
      got[#got + 1] = __test.constants.list[2]
      return got
    end"""

    async def session():
        functions = {"__test.echo": echo, "__test.refuse": refuse, "__test.broken": broken}
        tables = {"__test.constants": {"list": (1, 2)}}
        async with (
            pool_of(source, functions=functions, tables=tables) as pool,
            pool.session({"a": 1}, "owner") as session,
        ):
            return await session.call("f")

    refused = {"causes": ["STATUS_NOT_OK"], "ctx": {"body": b"\xff", "status": 503}, "fatal": True}
    got = asyncio.run(session())
    assert "sk-secret" not in caplog.text
    assert "__test.broken failed with RuntimeError" in caplog.text
    assert got == [
        ["owner", {}, {"a": [1, b"\xff"]}, "x"],
        refused,
        refused,
        "__test.broken: it failed with RuntimeError",
        2,
    ]
