"""What runs are found by: facts of a run, slots that it wrote, answers that it got; and views for people.

Runs that were recorded before have no rows here; the views show them with what their own row says. A later migration
that makes a table anew has to drop the views first and create them again.
"""

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "journal_0003_index"
down_revision = "journal_0002_proofs"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_runs_method", "runs", ["method", "id"]),
    ("ix_runs_kind", "runs", ["kind", "id"]),
    ("ix_run_facts_moment", "run_facts", ["moment", "run_id"]),
    ("ix_run_facts_fingerprint", "run_facts", ["fingerprint", "run_id"]),
    ("ix_nondet_answers_hash", "nondet_answers", ["hash"]),
)
FOUND_BY = {
    "tx": "hex runs.tx",
    "contract": "hex runs.contract",
    "method": "runs.method",
    "role": "runs.role",
    "result": "runs.kind",
    "time": "run_facts.moment",
}
# Name of a view -> its columns, and the rest of its SELECT. A column that begins with "hex" is shown in hex digits.
VIEWS = {
    "runs_view": (
        {
            "run": "runs.id",
            **FOUND_BY,
            "error": "run_facts.error",
            "status": "runs.status",
            "sender": "hex run_facts.sender",
            "fingerprint": "hex run_facts.fingerprint",
            "events": "runs.event_count",
            "stored_bytes": "runs.stored_bytes",
            "recorded_at": "runs.created_at",
            "parent": "runs.parent_id",
            "root": "hex runs.root",
        },
        "FROM runs LEFT JOIN run_facts ON run_facts.run_id = runs.id",
    ),
    "events_view": (
        {
            "run": "segments.run_id",
            "tx": "hex runs.tx",
            "line": "segments.line",
            "segment": "segments.number",
            "first_seq": "segments.first_seq",
            "last_seq": "segments.first_seq + segments.count - 1",
            "events": "segments.count",
            "stored_bytes": "length(segments.data)",
        },
        "FROM segments JOIN runs ON runs.id = segments.run_id",
    ),
    "storage_changes_view": (
        {
            "run": "runs.id",
            **FOUND_BY,
            "slot": "hex storage_writes.slot",
            "writes": "storage_writes.writes",
            "bytes_written": "storage_writes.bytes_written",
            "last_seq": "storage_writes.last_seq",
            "kept": "CASE WHEN runs.kind = 'return' THEN 1 ELSE 0 END",
        },
        "FROM storage_writes JOIN runs ON runs.id = storage_writes.run_id"
        " LEFT JOIN run_facts ON run_facts.run_id = runs.id",
    ),
    "nondet_answers_view": (
        {
            "run": "runs.id",
            **FOUND_BY,
            "line": "nondet_answers.line",
            "seq": "nondet_answers.seq",
            "source": "nondet_answers.source",
            "call_no": "nondet_answers.call_no",
            "code": "nondet_answers.code",
            "size": "nondet_answers.size",
            "text": "nondet_answers.text",
            "hash": "hex nondet_answers.hash",
        },
        "FROM nondet_answers JOIN runs ON runs.id = nondet_answers.run_id"
        " LEFT JOIN run_facts ON run_facts.run_id = runs.id",
    ),
    "contracts_view": (
        {
            "contract": "hex runs.contract",
            "method": "runs.method",
            "result": "runs.kind",
            "runs": "count(*)",
            "events": "CAST(sum(runs.event_count) AS BIGINT)",
            "first_time": "min(run_facts.moment)",
            "last_time": "max(run_facts.moment)",
        },
        "FROM runs LEFT JOIN run_facts ON run_facts.run_id = runs.id"
        " GROUP BY runs.contract, runs.method, runs.kind",
    ),
}


def upgrade() -> None:
    """Add the tables, their indexes, and the views."""
    op.create_table(
        "run_facts",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("moment", sa.String(32), nullable=False),
        sa.Column("sender", sa.LargeBinary(20), nullable=False),
        sa.Column("error", sa.String(200), nullable=True),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=True),
        sa.PrimaryKeyConstraint("run_id", name="pk_run_facts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_run_facts_run_id"),
    )
    op.create_table(
        "storage_writes",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("slot", sa.LargeBinary(32), nullable=False),
        sa.Column("writes", sa.Integer, nullable=False),
        sa.Column("bytes_written", sa.BigInteger, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "slot", name="pk_storage_writes"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_storage_writes_run_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "nondet_answers",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("line", sa.String(200), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("source", sa.String(8), nullable=False),
        sa.Column("call_no", sa.BigInteger, nullable=True),
        sa.Column("code", sa.Integer, nullable=True),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("text", sa.String(200), nullable=True),
        sa.PrimaryKeyConstraint("run_id", "line", "seq", name="pk_nondet_answers"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_nondet_answers_run_id"),
    )
    for name, table, columns in INDEXES:
        op.create_index(name, table, columns)
    for statement in _views(op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    """Take all of it away; nothing of it is hashed."""
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW {name}")
    for name, table, _ in reversed(INDEXES):
        op.drop_index(name, table)
    for table in ("nondet_answers", "storage_writes", "run_facts"):
        op.drop_table(table)


def _views(dialect: str) -> Iterator[str]:
    """The statements that create the views; bytes are shown as 0x and hex digits."""

    def hexed(column: str) -> str:
        digits = f"lower(hex({column}))" if dialect == "sqlite" else f"encode({column}, 'hex')"
        return f"CASE WHEN {column} IS NULL THEN NULL ELSE '0x' || {digits} END"

    for name, (columns, rest) in VIEWS.items():
        shown = ", ".join(
            f"{hexed(column.removeprefix('hex '))} AS {alias}"
            if column.startswith("hex ")
            else f"{column} AS {alias}"
            for alias, column in columns.items()
        )
        yield f"CREATE VIEW {name} AS SELECT {shown} {rest}"
