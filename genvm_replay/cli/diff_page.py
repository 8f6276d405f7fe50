"""A comparison of two runs as one HTML page that needs nothing else. Every value is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genvm_replay.cli.diff_view import TITLES, shown
from genvm_replay.cli.report import html_page, text
from genvm_replay.cli.vms_view import trees_text

if TYPE_CHECKING:
    from genvm_replay.replay.compare import Comparison, Difference
    from genvm_replay.replay.vm_trees import Trees

HEAD = "<tr><th>what</th><th>first</th><th>second</th></tr>"


def diff_page(found: Comparison, trees: Trees | None, title: str) -> str:
    """The page: a section a level, then what is bookkeeping."""
    word = "identical" if found.same else "different"
    parts = [f'<section class="{word}"><h2>{"the same" if found.same else word}</h2>']
    for level, name in TITLES.items():
        here = [one for one in found.differences if one.level == level]
        if here:
            parts += [f"<h3>{text(name)}</h3>", _table(here)]
    if trees is not None:
        listed = "\n".join(list(trees_text(trees))[1:])
        parts += ["<h3>all VMs</h3>", f"<pre>{text(listed)}</pre>"]
    if found.bookkeeping:
        parts += ["<h3>apart, as it may differ between equal runs</h3>", _table(found.bookkeeping)]
    return html_page(title, "\n".join([*parts, "</section>"]))


def _table(differences: list[Difference]) -> str:
    return f"<table>{HEAD}{''.join(map(_row, differences))}</table>"


def _row(one: Difference) -> str:
    if one.text:
        lines = text("\n".join(one.text))
        return f'<tr><td>{text(one.place)}</td><td colspan="2"><pre>{lines}</pre></td></tr>'
    return f"<tr><td>{text(one.place)}</td><td>{text(shown(one.first))}</td><td>{text(shown(one.second))}</td></tr>"
