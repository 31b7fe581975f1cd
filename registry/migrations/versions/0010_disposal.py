"""Decisions to remove records, and what is left of the records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("disposed_at", sa.String(32)))
    op.create_index("ix_documents_retain_until", "documents", ["retain_until"])
    op.create_table(
        "disposals",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("basis", sa.String(300), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("proposed_by", sa.String(100), nullable=False),
        sa.Column("proposed_at", sa.String(32), nullable=False),
        sa.Column("decided_by", sa.String(100)),
        sa.Column("decided_at", sa.String(32)),
        sa.Column("why", sa.String(300)),
        sa.Column("done_at", sa.String(32)),
    )
    op.create_index("ix_disposals_state", "disposals", ["state"])
    op.create_table(
        "disposal_items",
        sa.Column(
            "disposal_id",
            sa.String(36),
            sa.ForeignKey("disposals.id", name="fk_disposal_items_disposal_id"),
            nullable=False,
        ),
        sa.Column("document_id", sa.String(36), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(40)),
        sa.Column("told", sa.JSON, nullable=False),
        sa.Column("ended_at", sa.String(32)),
        sa.PrimaryKeyConstraint("disposal_id", "document_id", name="pk_disposal_items"),
    )
    op.create_index("ix_disposal_items_document", "disposal_items", ["document_id", "state"])
