"""What a run row says: the header (everything that a re-run needs) and the footer (what came out).

Both are hashed into the run's root (see `chain.py`). Deliberately not here: wall-clock facts about the recording, which
are columns of the row and not part of the hash, so that two equal runs have equal roots.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Role = Literal["leader", "validator", "sync", "appeal", "replay"]
ResultKind = Literal["return", "user_error", "vm_error", "internal_error"]


class Message(msgspec.Struct, frozen=True, array_like=True):
    """The transaction message (spec/executor.md 1.5). Addresses are 20 bytes."""

    contract_address: bytes
    sender_address: bytes
    origin_address: bytes
    chain_id: str  # decimal
    value: int  # u64
    is_init: bool
    datetime: str  # RFC 3339, UTC, ends in Z


class Pins(msgspec.Struct, frozen=True, array_like=True):
    """Versions and hashes of all that executes: a re-run with equal pins must give equal bytes."""

    runtime: str  # hex SHA-256 of the python.wasm the runtime was made from
    code_module: str  # hex BLAKE3 of the code module made from it
    sdk: str  # hex BLAKE3 over the guest SDK's files
    engine: str  # "wasmtime 49.0.0"


class Limits(msgspec.Struct, frozen=True, array_like=True):
    """Bounds of a run that can change its outcome."""

    memory_bytes: int  # linear memory of all deterministic VMs together
    fuel: int | None  # instruction budget; None: unmetered
    deadline_ms: int | None  # wall-clock limit; a run stopped by it is never a deterministic result
    version_gate: bool = False  # refuse contract versions that the transaction's time does not admit yet
    debug_mode: bool = True  # runner ids may end in :test and :latest


class RunHeader(msgspec.Struct, frozen=True, array_like=True, tag="run_header/1"):
    """Fixed before the first event; its hash starts the chain of every line."""

    tx: bytes  # 32 bytes
    role: Role
    parent: bytes | None  # root of the run that this one re-executes
    message: Message
    permissions: str  # letters of rwscn (spec/executor.md 1.4)
    pins: Pins
    limits: Limits

    @property
    def name(self) -> str:
        """Which of several runs in the same role it is; `` where nothing says so."""
        return ""


class NamedRunHeader(RunHeader, frozen=True, array_like=True, tag="run_header/2"):
    """The header of a run that others are like: two validators that were told the same have different roots by it."""

    name: str  # its number among the runs about the same parent, or what whoever made it calls it


def named(header: RunHeader, name: str) -> RunHeader:
    """The same header with a name."""
    fields = {field: getattr(header, field) for field in RunHeader.__struct_fields__}
    return NamedRunHeader(**fields, name=name) if name else RunHeader(**fields)


class RunFooter(msgspec.Struct, frozen=True, array_like=True, tag="run_footer/1"):
    """Known when the run is over."""

    kind: ResultKind
    payload: bytes  # return: calldata; else the UTF-8 message
    code_hash: bytes | None  # BLAKE3 of the contract code that ran, 32 bytes
    image: str  # which snapshot the main VM started from: "contract", "sdk", or "" where there was none
    storage_hash: bytes  # BLAKE3 of the canonical storage delta, 32 bytes
    memory_hash: bytes | None  # BLAKE3 over the changed pages of the main VM's memory; None if no VM started
    interrupted: bool  # stopped by a deadline or a signal: `payload` is no deterministic result
    runners: tuple[str, ...] = ()  # `id origin` of all that were loaded, sorted: archive, rebuilt, stand-in
