"""The rules for URLs as scripts have them: the same as in `http/policy.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from genvm_replay.modules.errors import ModuleError
from genvm_replay.modules.lua.limits import LuaLimits
from genvm_replay.modules.lua.pool import LuaPool
from genvm_replay.modules.web.config import load_web_config
from genvm_replay.modules.web.functions import tables
from genvm_replay.modules.web.module import FOLDER
from tests.modules.http.test_policy import BAD, GOOD, POLICY

SCRIPT = """
local web = require("lib-web")
function Check(ctx, url) return web.check_url(url) end
function Good(ctx, status) return web.is_good_status(status) end
"""


@pytest.fixture(scope="module")
def call(tmp_path_factory) -> Iterator:
    """Call a function of the script."""
    script = tmp_path_factory.mktemp("lua") / "script.lua"
    script.write_text(SCRIPT)
    config = load_web_config({"always_allow_hosts": ["Localhost", "127.0.0.1", "[::2]"]}, {})
    with asyncio.Runner() as runner:
        pool = LuaPool(
            script,
            libraries=[FOLDER],
            functions={},
            tables=tables(config, POLICY),
            required=["Check", "Good"],
            limits=LuaLimits(),
            workers_max=1,
        )
        runner.run(pool.__aenter__())
        held = pool.session({}, None)
        session = runner.run(held.__aenter__())
        try:
            yield lambda *arguments: runner.run(session.call(*arguments))
        finally:
            runner.run(held.__aexit__(None, None, None))
            runner.run(pool.__aexit__(None, None, None))


@pytest.mark.parametrize("url", [url for url in GOOD if url == url.strip()])
def test_urls_that_follow_the_rules_pass(call, url):
    """The same ones."""
    assert call("Check", url)["host"]


@pytest.mark.parametrize(("url", "code", "ctx"), BAD)
def test_others_are_refused_by_the_first_rule_that_they_break(call, url, code, ctx):
    """With the same code and facts, and not fatally."""
    with pytest.raises(ModuleError) as caught:
        call("Check", url)
    assert (caught.value.causes, caught.value.fatal, caught.value.ctx) == ((code,), False, ctx)


def test_an_ipv6_host_can_be_allowed(call):
    """With or without brackets."""
    assert call("Check", "http://[::2]:8080/")["port"] == 8080


def test_what_scripts_know_of_the_configuration():
    """Hosts and domains are there though the file has none; what goes to the signer is not."""
    config = load_web_config({"signer_headers": {"authorization": "secret"}, "meta": 1}, {})
    known = tables(config, POLICY)
    assert known["__web.config"]["always_allow_hosts"] == []
    assert known["__web.config"]["meta"] == 1
    assert "secret" not in repr(known)


def test_good_statuses(call):
    """2xx and 304 (spec/manager-modules.md 4.5)."""
    assert [status for status in (199, 200, 204, 299, 300, 304, 404) if call("Good", status)] == [
        200,
        204,
        299,
        304,
    ]
