"""Configuration of the web module: the keys of spec/manager-modules.md 4.1, and ours (docs/modules-web.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from yarl import URL

from ..config import Section, ServiceConfig, expand, read_config_file, take_service
from ..http.functions import RequestLimits
from .browser import BrowserLimits
from .render import RenderLimits

PORT: Final = 3032
WAIT_MAX_S: Final = 60.0
MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What a web module is told.

    Attributes:
        extra_tld: accepted besides IANA's top-level domains. always_allow_hosts: accepted at every port and address.
        allow_private: every host may be at a private address.
        webdriver_host: base URL of a webdriver service; None for a browser of ours.
        scripted_pages: a file whose pages stand for the internet; None for the internet.
        document: all of it, for scripts: `lib.rs.config`.
    """

    service: ServiceConfig
    extra_tld: tuple[str, ...] = ()
    always_allow_hosts: tuple[str, ...] = ()
    allow_private: bool = False
    webdriver_host: str | None = None
    wait_max_s: float = WAIT_MAX_S
    requests: RequestLimits = field(default_factory=RequestLimits)
    render: RenderLimits = field(default_factory=RenderLimits)
    browser: BrowserLimits = field(default_factory=BrowserLimits)
    scripted_pages: Path | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)


def config_from_file(path: Path, environment: Mapping[str, str]) -> WebConfig:
    """Read the configuration in a file.

    Raises:
        UsageError: it can't be read, or holds something else; the text names the key.
    """
    return load_web_config(read_config_file(path), environment, folder=path.absolute().parent)


def load_web_config(
    document: Mapping[str, Any], environment: Mapping[str, str], *, folder: Path | None = None
) -> WebConfig:
    """Read a configuration, with variables in it.

    Args:
        folder: where relative paths begin, and what `${exeDir}` is; by default the working folder.

    Raises:
        UsageError: a key is not known, or has a wrong value; the text names it.
    """
    folder = folder or Path.cwd()
    expanded = expand(dict(document), environment, exe_dir=folder)
    section = Section("", expanded)
    section.text("session_create_request", None)  # of WebDriver sessions, which are no more
    service = take_service(section, port=PORT)
    if service.lua_script_path is not None:
        service = replace(service, lua_script_path=folder / service.lua_script_path)
    config = WebConfig(
        service=service,
        extra_tld=section.texts("extra_tld"),
        always_allow_hosts=section.texts("always_allow_hosts"),
        allow_private=section.switch("allow_private", False),
        webdriver_host=_base_url(section, "webdriver_host"),
        wait_max_s=section.seconds("max_wait_after_loaded", WAIT_MAX_S, most=600),
        requests=_requests(section.section("requests")),
        render=_render(section.section("render")),
        browser=_browser(section.section("browser")),
        scripted_pages=_path(section, "scripted_pages", folder),
        document=expanded,
    )
    section.end()
    return config


def _requests(section: Section) -> RequestLimits:
    limits = RequestLimits(
        body_size_max=section.whole("body_size_max_mb", 16, least=1, most=1024) * MIB,
        timeout_s=section.seconds("timeout", 60.0, most=600),
    )
    section.end()
    return limits


def _render(section: Section) -> RenderLimits:
    limits = RenderLimits(
        load_timeout_s=section.seconds("load_timeout", 30.0, most=600),
        output_size_max=section.whole("output_size_max_mb", 5, least=1, most=32) * MIB,
        page_size_max=section.whole("page_size_max_mb", 32, least=1, most=1024) * MIB,
    )
    section.end()
    return limits


def _browser(section: Section) -> BrowserLimits:
    limits = BrowserLimits(
        path=section.text("path", None),
        pages_max=section.whole("pages_max", 4, least=1, most=128),
        queue_s=section.seconds("queue_timeout", 120.0, most=600),
        recycle_s=section.seconds("recycle_after", 600.0),
        recycle_pages=section.whole("recycle_after_pages", 500, least=1),
        heap_mb=section.whole("heap_mb", 1024, least=64, most=1 << 16),
        memory_mb=section.whole("memory_mb", 4096, least=512, most=1 << 20),
    )
    section.end()
    return limits


def _base_url(section: Section, key: str) -> str | None:
    text: str | None = section.text(key, None)
    if text is None:
        return None
    try:
        url = URL(text)
        good = url.scheme in ("http", "https") and bool(url.raw_host)
    except ValueError:
        good = False
    if not good:
        section.refuse(key, f"{text!r} is no URL such as http://127.0.0.1:4444")
    return text


def _path(section: Section, key: str, folder: Path) -> Path | None:
    text = section.text(key, None)
    return folder / text if text else None
