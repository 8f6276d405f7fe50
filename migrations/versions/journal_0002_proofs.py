"""Leaves of the tree, references to payloads, redactions, signatures, and the release that recorded a run.

The root of a run covers its leaves, so runs of the first schema have none that could be computed without changing what
they are known by. No release wrote that schema: a journal that holds such runs is refused.
"""

import sqlalchemy as sa
from alembic import op
from alembic.util import CommandError

revision = "journal_0002_proofs"
down_revision = "journal_0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what proofs need."""
    _refuse_runs()
    _create_segments(sa.Column("leaves", sa.LargeBinary, nullable=False))
    _add_to_runs(sa.Column("release", sa.String(32), nullable=False), after="status")
    op.create_table(
        "payload_references",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "hash", name="pk_payload_references"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_payload_references_run_id"),
    )
    op.create_index("ix_payload_references_hash", "payload_references", ["hash"])
    op.create_table(
        "redactions",
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("redacted_at", sa.String(32), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("hash", name="pk_redactions"),
    )
    op.create_table(
        "signatures",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("public_key", sa.LargeBinary(32), nullable=False),
        sa.Column("signature", sa.LargeBinary(64), nullable=False),
        sa.Column("signed_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "public_key", name="pk_signatures"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_signatures_run_id"),
    )
    op.execute("UPDATE meta SET value = '2' WHERE key = 'format_version'")


def downgrade() -> None:
    """Go back to the first schema, which can't hold runs of this one; only tests do this."""
    _refuse_runs()
    for table in ("signatures", "redactions", "payload_references"):
        op.drop_table(table)
    with op.batch_alter_table("runs") as runs:
        runs.drop_column("release")
    _create_segments()
    op.execute("UPDATE meta SET value = '1' WHERE key = 'format_version'")


def _add_to_runs(column: sa.Column[str], *, after: str) -> None:
    """SQLite adds a column at the end only, behind the large ones; Postgres keeps large values elsewhere."""
    if op.get_bind().dialect.name != "sqlite":
        op.add_column("runs", column)
        return
    with op.batch_alter_table("runs", recreate="always") as runs:
        runs.add_column(column, insert_after=after)


def _refuse_runs() -> None:
    if op.get_bind().execute(sa.text("SELECT 1 FROM runs LIMIT 1")).first() is not None:
        raise CommandError(
            "it holds runs in a format that no release wrote; record them again into a new journal"
        )


def _create_segments(*leaves: sa.Column[bytes]) -> None:
    """Make the empty table anew: what is added later would lie behind the large column."""
    op.drop_table("segments")
    op.create_table(
        "segments",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("line", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("head", sa.LargeBinary(32), nullable=False),
        *leaves,
        sa.Column("tags", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "line", "number", name="pk_segments"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_segments_run_id"),
    )
