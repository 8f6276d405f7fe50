"""`replay` and `report` explain a difference; the HTML page is whole, escaped, and the same facts."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from msgspec import structs

from genvm_replay.journal.database import open_database
from genvm_replay.journal.events import Answer, Event, StorageRead, WriteStream

HOSTILE = b"<script>alert(1)</script>\x1b[31m"


@pytest.fixture
def forge(recorded, run_json, trouble):
    """Copies a run of `say` with changed events, under the id 0; gives that id."""
    tx = run_json("call", trouble, "say", '"hello"', '"there"').object["tx"]

    def copy(change) -> str:
        with open_database(recorded) as store:
            stored = store.load_run(store.find_runs(tx)[0].id)
            recorder = store.begin_run(structs.replace(stored.header, tx=bytes(32)))
            for event in stored.read_line("main"):
                changed = change(event)
                recorder.line("main").append(changed.request, changed.answer)
            store.commit(recorder.finish(stored.footer))
        return "00" * 32

    return copy


def printed_otherwise(event: Event) -> Event:
    request = event.request
    if isinstance(request, WriteStream) and request.stream == 1:
        return Event(structs.replace(request, data=HOSTILE), event.answer)
    return event


def test_replay_tells_place_and_cause(run, run_json, forge):
    tx = forge(printed_otherwise)
    told = run_json("replay", tx)
    explained = told.object["explanation"]
    assert told.code == 1
    assert (explained["cause"]["kind"], explained["vm"]) == ("tampered", "the main VM")
    assert explained["contract_line"].endswith(" in say")
    assert 'File "/contract.py"' in explained["traceback"]
    assert (explained["changes"], explained["unknown_end"]) == ([], "")
    assert explained["cause"]["repeated"] is True
    assert "a second re-execution met the same difference" in explained["cause"]["evidence"]
    shown = run("replay", tx)
    assert shown.code == 1
    assert "the main VM, /contract.py:" in shown.out
    assert "tampered journal (likely)" in shown.out
    assert shown.out.endswith("    a second re-execution met the same difference\n")
    assert "\x1b" not in shown.out


class Page(HTMLParser):
    """What a browser would take as tags, and addresses it would ask for."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "action")]

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_stands_alone_and_escapes(run, forge, tmp_path):
    target = tmp_path / "report.html"
    assert run("report", forge(printed_otherwise), "--html", target).code == 1
    page = Page()
    page.feed(target.read_text())
    assert page.tags <= {
        *("html", "head", "meta", "title", "style", "body", "h1", "h2", "h3", "section"),
        *("table", "tr", "th", "td", "pre", "ul", "li", "p"),
    }
    assert page.addresses == []
    assert HOSTILE.hex() in " ".join(page.texts)
    assert any("tampered journal" in text for text in page.texts)
    assert any("/contract.py" in text for text in page.texts)


def test_values_and_tracebacks_are_text():
    from genvm_replay.cli.report import page
    from genvm_replay.cli.verdicts import Verdict

    told = {
        "tx": HOSTILE.decode(),
        "identical": False,
        "divergence": {"line": "<b>", "seq": 1, "field": "<i>", "expected": "<u>", "actual": None},
        "explanation": {
            "cause": {"title": "<a>", "proved": True, "evidence": ["<li>"]},
            **{"vm": "<q>", "contract_line": "", "traceback": "<tr>", "unknown_end": ""},
            "changes": [{"level": "<s>", "place": "<x>", "first": "<y>", "second": ["<z>"]}],
        },
    }
    found = Page()
    found.feed(page([Verdict(told, "")]))
    assert not found.tags & {"script", "b", "i", "u", "a", "q", "s", "x", "y", "z"}


def test_an_answer_that_nothing_came_of(run_json, forge):
    """The run is identical, so only a report sees that a clock can't have told this."""

    def change(event: Event) -> Event:
        return Event(event.request, Answer(0, 7)) if isinstance(event.request, WriteStream) else event

    tx = forge(change)
    assert run_json("replay", tx).code == 0
    told = run_json("report", tx)
    assert (told.code, told.object["explanation"]["cause"]["proved"]) == (1, True)


def test_a_record_that_no_run_can_follow(run_json, forge):
    """An error byte that does not exist ends the run before it begins; the place is told all the same."""
    first = iter([True])

    def change(event: Event) -> Event:
        if isinstance(event.request, StorageRead) and next(first, False):
            return Event(event.request, Answer(9, b""))
        return event

    told = run_json("replay", forge(change))
    assert (told.code, told.object["divergence"]["seq"]) == (1, 0)
    assert told.object["explanation"]["cause"]["kind"] == "host"


def test_an_identical_run(run, run_json, recorded, tmp_path):
    tx = run_json("runs", "--limit", 1).object["tx"]
    assert run("report", tx).out.startswith(f"{tx}  run 5  leader  identical")
    target = tmp_path / "good.html"
    assert run("report", tx, "--html", target).code == 0
    assert "<h2>identical</h2>" in target.read_text()
    assert run("report", tx, "--html", tmp_path / "no" / "such.html").code == 3


def test_triage(run, run_json, forge):
    tx = forge(printed_otherwise)
    told = run_json("triage", tx)
    assert (told.code, told.object["factor"]) == (1, "record")
    assert [one["build"] for one in told.object["trials"]] == [
        build for build in ("epoch", "fast", "fuel", "pulley") for _ in range(2)
    ]
    assert told.object["explanation"]["cause"]["kind"] == "tampered"
    shown = run("triage", tx)
    assert shown.code == 1
    assert "pulley" in shown.out
    assert "it follows the record" in shown.out


def test_triage_of_an_identical_run(run, recorded, run_json):
    tx = run_json("runs", "--limit", 1).object["tx"]
    told = run("triage", tx)
    assert told.code == 0
    assert "nothing: all re-executions are identical" in told.out
