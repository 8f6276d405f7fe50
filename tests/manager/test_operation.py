"""A declaration reads a request: parts by their names, errors that say which part."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated

import msgspec
import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from genvm_replay.manager.discretion import Discretion
from genvm_replay.manager.operation import operation, whole_numbers
from genvm_replay.manager.parts import MANAGER, Manager
from genvm_replay.manager.refusals import Refusals

JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Path(msgspec.Struct):
    """Of the path."""

    id: Annotated[int, Meta(ge=1)]


class Query(msgspec.Struct):
    """Of the query."""

    limit: Annotated[int, Meta(ge=1, le=9)] = 5


class Headers(msgspec.Struct):
    """Of the headers."""

    moment: str = msgspec.field(name="Some-Moment")


class Body(msgspec.Struct):
    """Of the body."""

    count: int


@operation("POST", "/x/{id}")
async def tell(manager: Manager, path: Path, query: Query, headers: Headers, body: Body) -> list[object]:
    """Tell what was read."""
    return [path.id, query.limit, headers.moment, body.count]


def asked(path: str = "/x/7", body: str = '{"count": 1}', **headers: str) -> tuple[int, object]:
    """Status and answer of one request."""

    async def talk() -> tuple[int, object]:
        app = web.Application(middlewares=[Refusals(Discretion([])).middleware])
        app[MANAGER] = None  # type: ignore[misc]
        app.router.add_route(tell.method, tell.path, tell.handle)
        async with TestServer(app) as server, ClientSession() as session:
            got = await session.post(
                server.make_url(path), data=body, headers={"Some-Moment": "now"} | headers
            )
            return got.status, await got.json()

    return asyncio.run(talk())


def test_every_part_is_read():
    assert asked("/x/7?limit=2") == (200, [7, 2, "now", 1])


def test_what_is_not_given_has_its_default():
    assert asked() == (200, [7, 5, "now", 1])


def test_an_integer_may_be_written_with_a_point():
    assert asked(body='{"count": 2.0}') == (200, [7, 5, "now", 2])


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ({"path": "/x/0"}, "path"),
        ({"path": "/x/a"}, "path"),
        ({"path": "/x/7?limit=10"}, "query"),
        ({"path": "/x/7?limit=1&limit=2"}, "query"),
        ({"body": '{"count": 1.5}'}, "body"),
        ({"body": '{"count": 1} x'}, "body"),
        ({"body": '{"count": "1"} x'}, "body"),
        ({"body": "[" * 100_000}, "body"),
        ({"body": "\xff"}, "body"),
        ({"body": ""}, "body"),
    ],
)
def test_the_part_that_is_off_is_named(words, part):
    status, told = asked(**words)
    assert status == 400
    assert told["error"].startswith(f"{part}: ")  # type: ignore[index]


@given(JSONS)
def test_whole_numbers_change_nothing_else(value):
    """The same value, but for how numbers are written."""
    made = whole_numbers(value)
    assert made == value
    assert whole_numbers(json.loads(json.dumps(made))) == made
