"""Scans of several papers: what each holds, which pages are a document's, and parts that are refused by themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("split", sa.JSON))
    op.add_column("documents", sa.Column("part", sa.Integer, nullable=False, server_default="0"))
    op.add_column("documents", sa.Column("pages", sa.JSON))
    op.add_column("quarantine", sa.Column("document_id", sa.String(36)))
    op.create_index("ix_quarantine_document_id", "quarantine", ["document_id"])
