"""The configuration of the web module."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from genvm_replay.errors import UsageError
from genvm_replay.modules.config import ServiceConfig
from genvm_replay.modules.web.browser import BrowserLimits
from genvm_replay.modules.web.config import WebConfig, config_from_file, load_web_config

DOCS = Path(__file__).parents[3] / "docs" / "modules-web.md"
DEPLOYED = {
    "threads": 4,
    "blocking_threads": 16,
    "log_disable": "tracing*",
    "log_level": "info",
    "bind_address": "127.0.0.1:3032",
    "webdriver_host": "http://127.0.0.1:4444",
    "lua_script_path": "${exeDir}/web.lua",
    "vm_count": 6,
    "vm_count_max": 20,
    "lua_path": "${exeDir}/?.lua;${exeDir}/lib/?.lua",
    "signer_url": "#{signerUrl}",
    "signer_headers": {"authorization": "${ENV[TOKEN]}"},
    "extra_tld": ["internal"],
    "always_allow_hosts": ["localhost"],
    "session_create_request": "{}",
    "max_wait_after_loaded": "60s",
    "meta": {"any": 1},
    "data_dir": "${exeDir}/data",
}
OURS = {
    "allow_private": True,
    "extra_lua_path": "?.lua",
    "scripted_pages": "pages.yaml",
    "requests": {"body_size_max_mb": 1, "timeout": "5s"},
    "render": {"load_timeout": 2.5, "output_size_max_mb": 2, "page_size_max_mb": 3},
    "browser": {"path": "x", "pages_max": 2, "queue_timeout": "1s", "recycle_after": "5m", "recycle_after_pages": 7,
                "heap_mb": 64, "memory_mb": 512},
}  # fmt: skip


def test_the_deployed_configuration_is_accepted():
    """Every key of spec/manager-modules.md 3 and 4.1, with its variables."""
    config = load_web_config(DEPLOYED, {"TOKEN": "secret"})
    assert config.service.signer_headers == {"authorization": "secret"}
    assert (config.webdriver_host, config.wait_max_s) == ("http://127.0.0.1:4444", 60)
    assert (config.extra_tld, config.always_allow_hosts) == (("internal",), ("localhost",))
    assert "secret" not in repr(config)


def test_our_keys_are_read():
    """Sizes in MiB, times in seconds or with a unit."""
    config = load_web_config(OURS, {}, folder=Path("/etc/x"))
    assert (config.allow_private, config.scripted_pages) == (True, Path("/etc/x/pages.yaml"))
    assert (config.requests.body_size_max, config.requests.timeout_s) == (1 << 20, 5)
    assert (config.render.load_timeout_s, config.render.output_size_max) == (2.5, 2 << 20)
    assert config.render.page_size_max == 3 << 20
    assert config.browser == BrowserLimits("x", 2, 1, 300, 7, 64, 512)


def test_an_empty_configuration_is_safe():
    """Our browser, nothing private, IANA's domains."""
    config = load_web_config({}, {})
    assert not config.allow_private
    assert config.webdriver_host is None
    assert config.always_allow_hosts == config.extra_tld == ()


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({"alow_private": True}, "alow_private: no setting has this name"),
        ({"browser": {"heap": 1}}, "browser.heap: no setting has this name"),
        ({"render": {"load_timeout": "soon"}}, "render.load_timeout"),
        ({"requests": {"timeout": -1}}, "requests.timeout"),
        ({"requests": []}, "requests: a map is wanted"),
        ({"always_allow_hosts": [1]}, r"always_allow_hosts\[0\]"),
        ({"webdriver_host": "127.0.0.1:4444"}, "webdriver_host: .* is no URL"),
        ({"webdriver_host": "http://["}, "webdriver_host: .* is no URL"),
        ({"allow_private": "yes"}, "allow_private: true or false"),
    ],
)
def test_a_mistake_is_told_by_its_key(document, text):
    """What, where, and what is wanted."""
    with pytest.raises(UsageError, match=text):
        load_web_config(document, {})


def test_a_configuration_comes_from_a_file(tmp_path):
    """In YAML; paths in it begin at its folder."""
    path = tmp_path / "web.yaml"
    path.write_text("extra_tld: ['${ENV[TLD]}']\nlua_script_path: own.lua\nlua_path: ${exeDir}/?.lua\n")
    config = config_from_file(path, {"TLD": "lan"})
    assert config.extra_tld == ("lan",)
    assert config.service.lua_script_path == tmp_path / "own.lua"
    assert config.service.lua_path == f"{tmp_path}/?.lua"


def test_every_key_is_documented():
    """The reference has a row for each key that is read, and none for another."""
    rows = set(re.findall(r"^\| `([a-z_.]+)` \|", DOCS.read_text(), re.MULTILINE))
    known = set(DEPLOYED) | {key for key, value in OURS.items() if not isinstance(value, dict)}
    known |= {f"{key}.{inner}" for key, value in OURS.items() if isinstance(value, dict) for inner in value}
    assert rows == known


def test_this_file_knows_every_setting():
    """Else the test above would prove little."""
    read = len(fields(WebConfig)) + len(fields(ServiceConfig)) + len(fields(BrowserLimits))
    assert read == 11 + 10 + 7
