"""Scans of a scanner that sees one side: the files of the two passes that one scan is made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "passes",
        sa.Column("scan_id", sa.String(36), sa.ForeignKey("scans.id", name="fk_passes_scan_id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("source_path", sa.Text, nullable=False),
        sa.Column("file_name", sa.String(300), nullable=False),
        sa.Column("in_reverse", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.PrimaryKeyConstraint("scan_id", "number", name="pk_passes"),
    )
    op.create_index("ix_passes_sha256", "passes", ["sha256"])
