"""Writes tests/golden/events: one file for each event kind and version, and for the run's header and footer.

Golden files hold what earlier releases wrote, so this only adds files. It refuses to change one that exists: a changed
field list is a new version (`journal/events.py`), not another `/1`. Before the first release of a kind: `--replace`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from genvm_replay.journal.events import BY_KIND, Event, Request  # noqa: E402
from genvm_replay.journal.payloads import BlobPool  # noqa: E402
from genvm_replay.journal.record import encode_event, encode_struct  # noqa: E402
from genvm_replay.journal.run import named  # noqa: E402
from tests.journal.samples import FOOTER, HEADER, example, field_types  # noqa: E402

FOLDER = ROOT / "tests" / "golden" / "events"
LARGE = b"0123456789abcdef" * 300


def main() -> int:
    """Write what is missing; 1 if a file that exists would change."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replace", action="store_true", help="overwrite files that exist")
    replace = parser.parse_args().replace
    refused = []
    for name, content in golden_files().items():
        path = FOLDER / name
        text = json.dumps(content, indent=1) + "\n"
        if path.exists() and path.read_text() != text and not replace:
            refused.append(name)
        elif not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    for name in refused:
        print(
            f"{name} would change: is that a new version of the kind? (--replace overwrites)", file=sys.stderr
        )
    return 1 if refused else 0


def golden_files() -> dict[str, dict[str, Any]]:
    """Content of each file by its name."""
    files = {file_name(kind): {"kind": kind, "events": _events(cls)} for kind, cls in BY_KIND.items()}
    for kind, facts in (
        ("run_header/1", HEADER),
        ("run_header/2", named(HEADER, "7")),
        ("run_footer/1", FOOTER),
    ):
        files[file_name(kind)] = {"kind": kind, "shown": repr(facts), "bytes": encode_struct(facts).hex(" ")}
    return files


def file_name(kind: str) -> str:
    """`storage_read/1` is in `storage_read-1.json`."""
    return kind.replace("/", "-") + ".json"


def _events(cls: type[Request]) -> list[dict[str, str]]:
    """Three events, and one with a large payload where the kind has a field for it."""
    cases = [example(cls, variant) for variant in range(3)]
    for name, hint in field_types(cls).items():
        if hint is bytes:
            fields = {n: getattr(cases[1].request, n) for n in cls.__struct_fields__}
            cases.append(Event(cls(**fields | {name: LARGE}), cases[1].answer))
            break
    return [{"shown": shown(event), "bytes": encode_event(event, BlobPool()).hex(" ")} for event in cases]


def shown(event: Event) -> str:
    """The event for a reader; the large payload as the expression that makes it."""
    return repr(event).replace(repr(LARGE), "b'0123456789abcdef' * 300")


if __name__ == "__main__":
    sys.exit(main())
