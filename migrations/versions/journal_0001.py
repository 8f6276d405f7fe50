"""The first schema: runs, segments, payloads, and the local node's state.

Spelled out instead of taken from the metadata, which moves on.
"""

import sqlalchemy as sa
from alembic import op

revision = "journal_0001"
down_revision = None
branch_labels = None
depends_on = None

APPLICATION_ID = 0x47564D52


def upgrade() -> None:
    """Create all tables and mark the database as ours."""
    meta = op.create_table(
        "meta",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("value", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_meta"),
    )
    _create_runs()
    _create_contents()
    _create_state()
    op.bulk_insert(
        meta, [{"key": "format", "value": "genvm-replay journal"}, {"key": "format_version", "value": "1"}]
    )
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"PRAGMA application_id={APPLICATION_ID}")


def downgrade() -> None:
    """Drop all tables; only tests do this."""
    for table in ("accounts", "storage_pages", "contracts", "blobs", "segments", "runs", "meta"):
        op.drop_table(table)


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("tx", sa.LargeBinary(32), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("parent_id", sa.Integer, nullable=True),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("contract", sa.LargeBinary(20), nullable=False),
        sa.Column("method", sa.Text, nullable=True),
        sa.Column("event_count", sa.BigInteger, nullable=False),
        sa.Column("raw_bytes", sa.BigInteger, nullable=False),
        sa.Column("stored_bytes", sa.BigInteger, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("header", sa.LargeBinary, nullable=False),
        sa.Column("lines", sa.LargeBinary, nullable=False),
        sa.Column("field_tags", sa.LargeBinary, nullable=False),
        sa.Column("footer", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.ForeignKeyConstraint(["parent_id"], ["runs.id"], name="fk_runs_parent_id"),
    )
    op.create_index("ix_runs_tx", "runs", ["tx"])
    op.create_index("ix_runs_parent_id", "runs", ["parent_id"])
    op.create_index("ix_runs_root", "runs", ["root"])
    op.create_index("ix_runs_contract", "runs", ["contract", "id"])


def _create_contents() -> None:
    op.create_table(
        "segments",
        sa.Column("run_id", sa.Integer, nullable=False),
        sa.Column("line", sa.String(200), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("first_seq", sa.BigInteger, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("head", sa.LargeBinary(32), nullable=False),
        sa.Column("tags", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "line", "number", name="pk_segments"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_segments_run_id"),
    )
    op.create_table(
        "blobs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_blobs"),
        sa.UniqueConstraint("hash", name="uq_blobs_hash"),
    )


def _create_state() -> None:
    op.create_table(
        "contracts",
        sa.Column("address", sa.LargeBinary(20), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("deployed_by", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_contracts"),
        sa.ForeignKeyConstraint(["deployed_by"], ["runs.id"], name="fk_contracts_deployed_by"),
    )
    op.create_table(
        "storage_pages",
        sa.Column("address", sa.LargeBinary(20), nullable=False),
        sa.Column("slot", sa.LargeBinary(32), nullable=False),
        sa.Column("page", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("address", "slot", "page", name="pk_storage_pages"),
    )
    op.create_table(
        "accounts",
        sa.Column("address", sa.LargeBinary(20), nullable=False),
        sa.Column("balance", sa.LargeBinary(32), nullable=False),
        sa.Column("nonce", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("address", name="pk_accounts"),
    )
