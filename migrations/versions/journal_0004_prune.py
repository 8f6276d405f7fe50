"""Runs can be moved into archives: their roots stay, and a deployed contract outlives the run that deployed it."""

import sqlalchemy as sa
from alembic import op

revision = "journal_0004_prune"
down_revision = "journal_0003_index"
branch_labels = None
depends_on = None

DEPLOYED_BY = "fk_contracts_deployed_by"


def upgrade() -> None:
    """Add the table of roots; `contracts.deployed_by` may name a run that is gone."""
    op.create_table(
        "pruned_runs",
        sa.Column("root", sa.LargeBinary(32), nullable=False),
        sa.Column("tx", sa.LargeBinary(32), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("contract", sa.LargeBinary(20), nullable=False),
        sa.Column("method", sa.Text, nullable=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("event_count", sa.BigInteger, nullable=False),
        sa.Column("archive", sa.Text, nullable=False),
        sa.Column("archive_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("pruned_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("root", name="pk_pruned_runs"),
    )
    op.create_index("ix_pruned_runs_tx", "pruned_runs", ["tx"])
    with op.batch_alter_table("contracts") as contracts:
        contracts.drop_constraint(DEPLOYED_BY, type_="foreignkey")


def downgrade() -> None:
    """Take the table away; a contract whose run is gone makes that impossible."""
    with op.batch_alter_table("contracts") as contracts:
        contracts.create_foreign_key(DEPLOYED_BY, "runs", ["deployed_by"], ["id"])
    op.drop_index("ix_pruned_runs_tx", "pruned_runs")
    op.drop_table("pruned_runs")
