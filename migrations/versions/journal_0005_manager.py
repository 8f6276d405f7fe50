"""A manager keeps what it accepted, and the results of it until they are acknowledged."""

import sqlalchemy as sa
from alembic import op

revision = "journal_0005_manager"
down_revision = "journal_0004_prune"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table of accepted runs."""
    op.create_table(
        "manager_runs",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("key", sa.String(200), nullable=True),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("tx", sa.LargeBinary(32), nullable=False),
        sa.Column("accepted_at", sa.String(32), nullable=False),
        sa.Column("started_at", sa.String(32), nullable=True),
        sa.Column("deadline_at", sa.String(32), nullable=True),
        sa.Column("finished_at", sa.String(32), nullable=True),
        sa.Column("cause", sa.String(16), nullable=True),
        sa.Column("exit_code", sa.Integer, nullable=True),
        sa.Column("error", sa.Text, nullable=True),
        sa.Column("recorded_id", sa.Integer, nullable=True),
        sa.Column("stdout", sa.LargeBinary, nullable=True),
        sa.Column("stderr", sa.LargeBinary, nullable=True),
        sa.Column("log", sa.LargeBinary, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_manager_runs"),
    )


def downgrade() -> None:
    """Take the table away."""
    op.drop_table("manager_runs")
