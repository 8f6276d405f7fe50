"""The tables, as SQLAlchemy metadata; changed only with a migration (`migrations/versions`), which a test holds.

Runs and their segments are written once and never changed; the tables from `contracts` on are the local node's state;
`manager_runs` is what a manager keeps. Types are portable, and none is missing: SQLite can't use an index on a column
without a type.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

HEAD: Final = "journal_0005_manager"  # the newest migration; a test compares it with the scripts
APPLICATION_ID: Final = 0x47564D52  # "GVMR": makes `file` and SQLite tools see that the file is ours
FORMAT: Final = "genvm-replay journal"  # value of the row `format` in `meta`

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

meta: Final = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

runs: Final = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("tx", LargeBinary(32), nullable=False, index=True),
    Column("role", String(16), nullable=False),
    Column("parent_id", Integer, ForeignKey("runs.id"), nullable=True, index=True),
    Column("created_at", String(32), nullable=False),
    Column("root", LargeBinary(32), nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("contract", LargeBinary(20), nullable=False),
    Column("method", Text, nullable=True),
    Column("event_count", BigInteger, nullable=False),
    Column("raw_bytes", BigInteger, nullable=False),
    Column("stored_bytes", BigInteger, nullable=False),
    Column("status", String(16), nullable=False),
    Column("release", String(32), nullable=False),  # of genvm-replay, that recorded it
    # Large columns last: SQLite reads a row from its start.
    Column("header", LargeBinary, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Column("field_tags", LargeBinary, nullable=False),
    Column("footer", LargeBinary, nullable=False),
    Index("ix_runs_contract", "contract", "id"),
    Index("ix_runs_method", "method", "id"),
    Index("ix_runs_kind", "kind", "id"),
)

segments: Final = Table(
    "segments",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("line", String(200), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("first_seq", BigInteger, nullable=False),
    Column("count", Integer, nullable=False),
    Column("head", LargeBinary(32), nullable=False),
    Column("leaves", LargeBinary, nullable=False),
    Column("tags", LargeBinary, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

blobs: Final = Table(
    "blobs",
    metadata,
    Column(
        "id", Integer, primary_key=True
    ),  # rowid: a table clustered by hash is 3 times slower with large rows
    Column("hash", LargeBinary(32), nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

payload_references: Final = Table(
    "payload_references",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True, index=True),  # of a blob, there or redacted
)

redactions: Final = Table(
    "redactions",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),
    Column("redacted_at", String(32), nullable=False),
    Column("reason", Text, nullable=False),
)

signatures: Final = Table(
    "signatures",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("public_key", LargeBinary(32), primary_key=True),
    Column("signature", LargeBinary(64), nullable=False),
    Column("signed_at", String(32), nullable=False),
)

run_facts: Final = Table(  # what runs are found by beyond their own row; not hashed
    "run_facts",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("moment", String(32), nullable=False),  # the transaction's time: UTC, microseconds, Z
    Column("sender", LargeBinary(20), nullable=False),
    Column("error", String(200), nullable=True),  # message of a run that did not return, cut
    Column("fingerprint", LargeBinary(32), nullable=True),  # BLAKE3 of an error's fingerprint
    Index("ix_run_facts_moment", "moment", "run_id"),
    Index("ix_run_facts_fingerprint", "fingerprint", "run_id"),
)

storage_writes: Final = Table(  # a row a slot that a run wrote to; not hashed
    "storage_writes",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("slot", LargeBinary(32), primary_key=True),
    Column("writes", Integer, nullable=False),
    Column("bytes_written", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

nondet_answers: Final = Table(  # a row an answer of a block, a model or a web page; not hashed
    "nondet_answers",
    metadata,
    Column("run_id", Integer, ForeignKey("runs.id"), primary_key=True),
    Column("line", String(200), primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("source", String(8), nullable=False),  # own, leader, llm, web
    Column("call_no", BigInteger, nullable=True),
    Column("code", Integer, nullable=True),
    Column("size", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
    Column("text", String(200), nullable=True),  # cut; removed with the payload
    Index("ix_nondet_answers_hash", "hash"),
)

pruned_runs: Final = Table(  # what is left of runs that an archive holds
    "pruned_runs",
    metadata,
    Column("root", LargeBinary(32), primary_key=True),
    Column("tx", LargeBinary(32), nullable=False, index=True),
    Column("role", String(16), nullable=False),
    Column("contract", LargeBinary(20), nullable=False),
    Column("method", Text, nullable=True),
    Column("kind", String(16), nullable=False),
    Column("event_count", BigInteger, nullable=False),
    Column("archive", Text, nullable=False),
    Column("archive_hash", LargeBinary(32), nullable=False),
    Column("pruned_at", String(32), nullable=False),
)

contracts: Final = Table(
    "contracts",
    metadata,
    Column("address", LargeBinary(20), primary_key=True),
    Column("version", BigInteger, nullable=False),  # grows with each committed change
    Column("deployed_by", Integer, nullable=False),  # a run, which may have been pruned
)

storage_pages: Final = Table(
    "storage_pages",
    metadata,
    Column("address", LargeBinary(20), primary_key=True),
    Column("slot", LargeBinary(32), primary_key=True),
    Column("page", BigInteger, primary_key=True),
    Column("data", LargeBinary, nullable=False),  # trailing zeros trimmed; a page of zeros has no row
)

accounts: Final = Table(
    "accounts",
    metadata,
    Column("address", LargeBinary(20), primary_key=True),
    Column("balance", LargeBinary(32), nullable=False),  # little-endian
    Column("nonce", BigInteger, nullable=False),
)

manager_runs: Final = (
    Table(  # runs that a manager accepted, and what is kept of them until it is acknowledged
        "manager_runs",
        metadata,
        Column("id", Integer, primary_key=True),
        Column("key", String(200), nullable=True),  # of idempotency
        Column("version", String(32), nullable=False),  # of the executor
        Column("tx", LargeBinary(32), nullable=False),
        Column("accepted_at", String(32), nullable=False),  # times: UTC, microseconds, Z
        Column("started_at", String(32), nullable=True),
        Column("deadline_at", String(32), nullable=True),
        Column("finished_at", String(32), nullable=True),  # null while it is queued or runs
        Column("cause", String(16), nullable=True),
        Column("exit_code", Integer, nullable=True),
        Column("error", Text, nullable=True),
        Column("recorded_id", Integer, nullable=True),  # a run, which may have been pruned
        Column("stdout", LargeBinary, nullable=True),
        Column("stderr", LargeBinary, nullable=True),
        Column("log", LargeBinary, nullable=True),  # JSON, a list of objects
    )
)
