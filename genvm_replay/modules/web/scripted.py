"""Scripted pages: a file that stands for the internet, for examples and tests without network. Nothing is rendered.

The file is YAML: a list of pages under `pages`, each with `url` and any of `method` (GET), `status` (200), `headers`,
`body` (what a request gets, and a page's text and markup where `text` and `html` are not given) and `screenshot`
(a PNG file beside this one).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...errors import UsageError
from ..config import Section, read_config_file
from ..errors import ModuleError
from ..http.order import HttpOrder, HttpReply
from ..messages import METHODS
from .render import Rendered, RenderOrder

NO_SUCH_PAGE: Final = "NO_SCRIPTED_PAGE"


@dataclass(frozen=True, slots=True)
class ScriptedPage:
    """One page of the file."""

    status: int
    headers: Mapping[str, bytes]
    body: bytes
    text: str
    html: str
    screenshot: bytes | None


@dataclass(frozen=True, slots=True)
class ScriptedPages:
    """All pages of a file, by method and URL; answers requests and renders."""

    pages: Mapping[tuple[str, str], ScriptedPage]

    async def request(self, order: HttpOrder) -> HttpReply:
        """Answer a request.

        Raises:
            ModuleError: `SENDING_REQUEST` with `NO_SCRIPTED_PAGE` behind it, fatal.
        """
        page = self._page(order.method, order.url)
        return HttpReply(page.status, page.headers, page.body, order.url)

    async def render(self, order: RenderOrder) -> Rendered:
        """Give a page as the file has it. Raises as `request` does, also for a screenshot that it lacks."""
        page = self._page("GET", order.url)
        content = {"text": page.text, "html": page.html, "screenshot": page.screenshot}[order.mode]
        if content is None:
            raise self._missing("screenshot", order.url)
        return Rendered(page.status, content)

    def _page(self, method: str, url: str) -> ScriptedPage:
        page = self.pages.get((method, url))
        if page is None:
            raise self._missing(method, url)
        return page

    def _missing(self, what: str, url: str) -> ModuleError:
        return ModuleError("SENDING_REQUEST", NO_SUCH_PAGE, fatal=True, ctx={"wanted": what, "url": url})


def read_scripted_pages(path: Path) -> ScriptedPages:
    """Read the file.

    Raises:
        UsageError: it can't be read, or a key is wrong; the text names file and key.
    """
    try:
        section = Section("", read_config_file(path))
        pages = {}
        for index, entry in enumerate(section.take("pages", list)):
            if not isinstance(entry, dict):
                section.refuse(f"pages[{index}]", "a map is wanted")
            inner = Section(f"pages[{index}]", entry)
            key = (inner.word("method", METHODS, "GET"), inner.text("url"))
            if key in pages:
                inner.refuse("url", f"{' '.join(key)} is there twice")
            pages[key] = _page(inner, path.parent)
        section.end()
    except UsageError as error:
        raise UsageError(f"{path}: {error}") from error
    return ScriptedPages(pages)


def _page(section: Section, folder: Path) -> ScriptedPage:
    headers = {name.lower(): value.encode() for name, value in section.text_map("headers").items()}
    body = section.text("body", "")
    page = ScriptedPage(
        section.whole("status", 200, least=100, most=599),
        headers,
        body.encode(),
        section.text("text", body),
        section.text("html", body),
        _image(section, folder),
    )
    section.end()
    return page


def _image(section: Section, folder: Path) -> bytes | None:
    name: str | None = section.text("screenshot", None)
    if name is None:
        return None
    try:
        return (folder / name).read_bytes()
    except OSError as error:
        section.refuse("screenshot", f"{folder / name}: {error.strerror}")
