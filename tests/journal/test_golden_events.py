"""Old bytes stay readable for ever: every golden event decodes, and encodes to the same bytes again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from blake3 import blake3

from genvm_replay.journal.events import BY_KIND
from genvm_replay.journal.payloads import BlobPool
from genvm_replay.journal.record import decode_event, encode_event, encode_struct
from genvm_replay.journal.run_record import decode_footer, decode_header

FOLDER = Path(__file__).resolve().parents[1] / "golden" / "events"
FILES = sorted(FOLDER.glob("*.json"))
LARGE = b"0123456789abcdef" * 300
FACTS = {"run_header/1": decode_header, "run_header/2": decode_header, "run_footer/1": decode_footer}


def payload(digest: bytes) -> bytes:
    assert digest == blake3(LARGE).digest()
    return LARGE


def test_every_kind_has_its_file() -> None:
    """tools/regenerate_golden_events.py adds the one of a new kind."""
    assert {json.loads(path.read_text())["kind"] for path in FILES} == set(BY_KIND) | set(FACTS)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_golden(path: Path) -> None:
    """Both ways."""
    content = json.loads(path.read_text())
    if content["kind"] in FACTS:
        facts = FACTS[content["kind"]](bytes.fromhex(content["bytes"]))
        assert repr(facts) == content["shown"]
        assert encode_struct(facts).hex(" ") == content["bytes"]
        return
    assert len(content["events"]) >= 3
    for case in content["events"]:
        event = decode_event(bytes.fromhex(case["bytes"]), payload)
        assert type(event.request) is BY_KIND[content["kind"]]
        assert repr(event).replace(repr(LARGE), "b'0123456789abcdef' * 300") == case["shown"]
        assert encode_event(event, BlobPool()).hex(" ") == case["bytes"]
