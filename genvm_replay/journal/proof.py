"""The proof that one event is part of a run: a small file that verifies with nothing else (docs/journal.md).

It leads from the bytes of the event to the root of its run: leaf, tree of its segment, link of the chain, tree of its
line, root. It shows the run's header, the events that share a leaf with the proven one (none, where that one has a
payload stored apart), and the counts of all lines; it hides every other event and the footer. Payloads of the event are
added where the journal still has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

import msgspec
from blake3 import blake3

from genvm_replay.errors import JournalError, PayloadRedacted, ProofBroken
from genvm_replay.journal import chain, tree
from genvm_replay.journal.events import Event
from genvm_replay.journal.record import decode_event, payload_fields, split
from genvm_replay.journal.run import RunHeader
from genvm_replay.journal.run_record import decode_header
from genvm_replay.journal.signing import signature_fits

FORMAT: Final = "genvm-replay proof/1"
PROOF_BYTES_MAX: Final = 512 << 20  # of a file; the largest payload is half of that


U32: TypeAlias = Annotated[int, msgspec.Meta(ge=0, lt=1 << 32)]
U63: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Hash: TypeAlias = Annotated[bytes, msgspec.Meta(min_length=tree.HASH_BYTES, max_length=tree.HASH_BYTES)]


class LeafProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the events of a leaf to the tree of their segment."""

    index: U32
    leaf_count: U32
    first_seq: U63
    count: U32
    events: bytes  # canonical bytes, back to back
    beside: tuple[Hash, ...]  # see `tree.path`


class SegmentProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From the tree of a segment to the tree of its line."""

    index: U63
    previous_head: Hash
    first_seq: U63
    count: U32
    tags_hash: Hash
    beside: tuple[Hash, ...]


class Proof(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A proof as it is stored: JSON, bytes in base64, the root in hex."""

    format: str = FORMAT
    root: str
    line: str
    seq: U63
    header: bytes  # canonical msgpack of the RunHeader
    footer_hash: Hash
    lines: bytes  # canonical msgpack of the line summaries
    segment: SegmentProof
    leaf: LeafProof
    payloads: list[bytes]  # of the event, those that are stored apart and still there
    signatures: list[tuple[bytes, bytes]]  # public key and signature of the root


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows.

    Attributes:
        root: the proof is worth what this is worth: compare it with one from elsewhere, or trust a signer.
        event: None where a payload was redacted.
        missing: fields of the event whose payload is not in the proof.
        signers: public keys whose signatures of the root are valid.
    """

    root: bytes
    header: RunHeader
    line: str
    seq: int
    event: Event | None
    missing: tuple[PayloadRedacted, ...]
    signers: tuple[bytes, ...]


_DECODER: Final = msgspec.json.Decoder(Proof)


def encode_proof(proof: Proof) -> bytes:
    """The proof as a file."""
    return msgspec.json.format(msgspec.json.encode(proof), indent=1) + b"\n"


def decode_proof(data: bytes) -> Proof:
    """Read a proof; nothing in it is checked yet.

    Raises:
        JournalError: no proof of a format that is known here.
    """
    if len(data) > PROOF_BYTES_MAX:
        raise JournalError(f"a proof has at most {PROOF_BYTES_MAX} bytes")
    try:
        proof = _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise JournalError(f"no proof of an event: {error}") from error
    if proof.format != FORMAT:
        raise JournalError(f"the proof has format {proof.format[:40]!r}; this release reads {FORMAT!r}")
    return proof


def check_proof(proof: Proof) -> Proven:
    """Follow a proof from the event to the root, and check payloads and signatures.

    Raises:
        JournalError: it does not hold; says at which step.
    """
    leaf = proof.leaf
    encoded = list(split(leaf.events))
    at = proof.seq - leaf.first_seq
    if len(encoded) != leaf.count or not 0 <= at < leaf.count:
        raise ProofBroken(f"the proof does not hold: its leaf has no event {proof.seq}")
    root = _root_of(proof)
    if root.hex() != proof.root:
        raise ProofBroken(f"the proof does not hold: it leads to the root {root.hex()}, not {proof.root}")
    for key, signature in proof.signatures:
        if not signature_fits(root, key, signature):
            raise ProofBroken(f"the proof does not hold: no valid signature of the root by {key.hex()}")
    event, missing = _event_of(proof, encoded[at])
    signers = tuple(key for key, _ in proof.signatures)
    return Proven(root, decode_header(proof.header), proof.line, proof.seq, event, missing, signers)


def _root_of(proof: Proof) -> bytes:
    """The root that a proof leads to."""
    leaf, segment = proof.leaf, proof.segment
    summaries = {line.name: line for line in chain.decode_lines(proof.lines)}
    summary = summaries.get(proof.line)
    if summary is None:
        raise ProofBroken(f"the proof does not hold: the run has no line {proof.line[:200]!r}")
    genesis = chain.genesis(proof.header)
    try:
        start = chain.line_start(genesis, proof.line)
        found = chain.leaf(start, leaf.first_seq, leaf.count, leaf.events)
        found = tree.climb(found, leaf.index, leaf.leaf_count, leaf.beside)
        found = chain.next_head(
            segment.previous_head, segment.first_seq, segment.count, leaf.leaf_count, found, segment.tags_hash
        )
        found = tree.climb(found, segment.index, summary.segments, segment.beside)
    except JournalError as error:
        raise ProofBroken(f"the proof does not hold: {error}") from error
    if found != summary.tree:
        raise ProofBroken("the proof does not hold: it leads to another tree than that of its line")
    return chain.root_of_hashes(genesis, chain.lines_hash(proof.lines), proof.footer_hash)


def _event_of(proof: Proof, encoded: bytes) -> tuple[Event | None, tuple[PayloadRedacted, ...]]:
    """The event with its payloads, or what is missing."""
    payloads = {blake3(payload).digest(): payload for payload in proof.payloads}
    named = list(payload_fields(encoded))
    if payloads.keys() - {digest for _, digest in named}:
        raise ProofBroken("the proof does not hold: it has a payload that is not of the event")
    missing = tuple(
        PayloadRedacted(digest, proof.line, proof.seq, name)
        for name, digest in named
        if digest not in payloads
    )
    return None if missing else decode_event(encoded, payloads.__getitem__), missing
