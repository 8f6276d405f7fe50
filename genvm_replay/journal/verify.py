"""Finds whether a stored run was changed, and where: which event of a line, which field of header or footer.

The chain and the root (see `chain.py`) decide whether; the Adler-32 tags only locate. A change that a forger
covered with fitting tags is therefore still found, but only its segment is known then (`field="segment"`).
A forger who also rewrites heads and root is outside what a journal alone can show: compare the root with
one kept elsewhere.
"""

from __future__ import annotations

from typing import Final

from genvm_replay.errors import JournalDamaged, JournalError, PayloadRedacted
from genvm_replay.journal import chain, tree
from genvm_replay.journal.chain import LineSummary
from genvm_replay.journal.run import RunFooter, RunHeader
from genvm_replay.journal.run_record import (
    decode_footer,
    decode_header,
    field_tags,
    footer_fields,
    header_fields,
)
from genvm_replay.journal.segment import Segment, unpack_tags
from genvm_replay.journal.segment_check import (
    SHOWN_CHARS_MAX,
    Payloads,
    check_contents,
    check_events,
    sound_bytes,
)
from genvm_replay.journal.signing import signature_fits
from genvm_replay.journal.source import RunBytes, RunSummary, Source

HEADER: Final = "header"
FOOTER: Final = "footer"


def verify(run: RunBytes, source: Source, summary: RunSummary | None = None) -> tuple[PayloadRedacted, ...]:
    """Walk everything: header, footer, every segment, every payload, the root, the signatures.

    Returns:
        Where payloads were removed on purpose; all else is as it was recorded.

    Raises:
        JournalDamaged: the first thing that is not as it was recorded.
        UnknownEvent: sound, but written by a newer release.
    """
    check_run(run, source, summary)
    met = Payloads()
    _check_lines(chain.genesis(run.header), chain.decode_lines(run.lines), source, met)
    _check_references(source, met)
    for key, signature in source.signatures():
        if not signature_fits(run.root, key, signature):
            raise JournalDamaged(FOOTER, None, "signature", f"one by {key.hex()}", signature.hex())
    return tuple(met.redacted)


def check_run(run: RunBytes, source: Source, summary: RunSummary | None) -> None:
    """Check the run row: header, footer, line summaries, root, and the columns that repeat them.

    Only when the root does not fit are the segments read, to find out what was changed.
    """
    genesis = chain.genesis(run.header)
    computed = chain.root(genesis, run.lines, run.footer)
    if computed == run.root:
        header, footer = decode_header(run.header), decode_footer(run.footer)
        _check_fields(run, sound=True)
        if summary is not None:
            _check_columns(header, footer, chain.decode_lines(run.lines), summary)
        return
    _check_fields(run, sound=False)
    _check_summaries(run, genesis, source)
    _check_lines(genesis, chain.decode_lines(run.lines), source, Payloads())
    raise JournalDamaged(FOOTER, None, "root", run.root.hex(), computed.hex())


def check_line(
    name: str, genesis: bytes, summary: LineSummary, source: Source, met: Payloads | None = None
) -> None:
    """Check one line against its summary, and the payloads that its events name."""
    met = Payloads() if met is None else met
    start = head = chain.line_start(genesis, name)
    heads: list[bytes] = []
    seq = 0
    doubtful: tuple[Segment, bytes] | None = None  # the first whose events fit their tags, but not the chain
    for number, segment in enumerate(source.segments(name)):
        _check_place(segment, summary, number, seq)
        canonical = sound_bytes(segment, head, start)
        if canonical is not None:
            fitting, head = segment, segment.head
            if doubtful is not None:
                raise _doubt(doubtful, field="head")
        else:
            fitting, canonical = check_events(segment, head, start)
            head = fitting.head
            doubtful = doubtful or (segment, head)
        check_contents(fitting, canonical, source, met)
        heads.append(head)
        seq += segment.count
    if doubtful is not None:
        raise _doubt(doubtful, field="head" if head == summary.head else "segment")
    if seq < summary.count:
        raise JournalDamaged(name, seq, "event", f"{summary.count - seq} more events", None)
    found = (head, len(heads), tree.root(heads) if heads else b"")
    if found != (summary.head, summary.segments, summary.tree):
        raise JournalDamaged(name, None, "head", summary.head.hex(), head.hex())


def _check_place(segment: Segment, summary: LineSummary, number: int, seq: int) -> None:
    name = summary.name
    if seq >= summary.count:
        raise JournalDamaged(name, seq, "event", None, f"{segment.count} more events")
    if segment.number != number:
        raise JournalDamaged(name, seq, "segment", number, segment.number)
    if segment.first_seq != seq:
        raise JournalDamaged(name, seq, "first_seq", seq, segment.first_seq)


def _check_lines(genesis: bytes, summaries: tuple[LineSummary, ...], source: Source, met: Payloads) -> None:
    lines = {line.name: line for line in summaries}
    for name in sorted(lines.keys() | set(source.lines())):
        unknown = LineSummary(name, 0, chain.line_start(genesis, name), 0, b"")
        check_line(name, genesis, lines.get(name, unknown), source, met)


def _check_references(source: Source, met: Payloads) -> None:
    """Compare the payloads that events name with the references that keep them."""
    kept = source.references()
    for digest in sorted(met.named - kept):
        raise JournalDamaged(FOOTER, None, "reference", digest.hex(), None)
    for digest in sorted(kept - met.named):
        raise JournalDamaged(FOOTER, None, "reference", None, digest.hex())


def _doubt(doubtful: tuple[Segment, bytes], *, field: str) -> JournalDamaged:
    """Where the chain finds back to recorded heads, only one stored head was changed; else the segment."""
    segment, computed = doubtful
    if field == "head":
        return JournalDamaged(segment.line, segment.first_seq, field, computed.hex(), segment.head.hex())
    return JournalDamaged(segment.line, segment.first_seq, field, segment.head.hex(), computed.hex())


def _check_fields(run: RunBytes, *, sound: bool) -> None:
    """Compare header and footer with the locator; `sound`: the root fits, so the locator was changed."""
    named: list[tuple[str, str, object]] = []
    for line, data, read in ((HEADER, run.header, header_fields), (FOOTER, run.footer, footer_fields)):
        try:
            named += [(line, name, value) for name, value in read(data)]
        except JournalError as error:
            raise JournalDamaged(line, None, line, f"a {line} that decodes", str(error)) from error
    found = field_tags([(name, value) for _, name, value in named])
    if len(run.field_tags) != len(found):
        raise JournalDamaged(FOOTER, None, "field_tags", len(found), len(run.field_tags))
    rows = zip(named, unpack_tags(run.field_tags), unpack_tags(found), strict=True)
    for (line, name, value), recorded, actual in rows:
        if recorded != actual and sound:
            raise JournalDamaged(
                line, None, f"{name}.tag", f"adler32 {actual:08x}", f"adler32 {recorded:08x}"
            )
        if recorded != actual:
            raise JournalDamaged(line, None, name, f"adler32 {recorded:08x}", f"{value!r}"[:SHOWN_CHARS_MAX])


def _check_summaries(run: RunBytes, genesis: bytes, source: Source) -> None:
    """Raise if the line summaries were changed: then those made from the segments fit the root."""
    made = []
    for name in source.lines():
        last = source.spans(name)[-1]
        heads = [segment.head for segment in source.segments(name)]
        made.append(LineSummary(name, last.first_seq + last.count, heads[-1], len(heads), tree.root(heads)))
    rebuilt = chain.encode_lines(made)
    if chain.root(genesis, rebuilt, run.footer) == run.root:
        shown = [f"{line.name}: {line.count}, {line.head.hex()}" for line in chain.decode_lines(rebuilt)]
        raise JournalDamaged(FOOTER, None, "lines", shown, run.lines[:SHOWN_CHARS_MAX])
    try:
        chain.decode_lines(run.lines)
    except JournalError as error:
        raise JournalDamaged(FOOTER, None, "lines", "line summaries", str(error)) from error


def _check_columns(
    header: RunHeader, footer: RunFooter, lines: tuple[LineSummary, ...], summary: RunSummary
) -> None:
    """Compare the columns that repeat hashed facts; the root fits, so a column that differs was changed."""
    facts: tuple[tuple[str, str, object], ...] = (
        (HEADER, "tx", header.tx),
        (HEADER, "role", header.role),
        (HEADER, "contract", header.message.contract_address),
        (FOOTER, "kind", footer.kind),
        (FOOTER, "status", "interrupted" if footer.interrupted else "finished"),
        (FOOTER, "event_count", sum(line.count for line in lines)),
    )
    for line, name, expected in facts:
        actual = getattr(summary, name)
        if actual != expected:
            raise JournalDamaged(line, None, f"column {name}", expected, actual)
