"""By when a record's newest timestamp must be renewed, and what hinders its signature from its level."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("renew_by", sa.String(10)))
    op.add_column("documents", sa.Column("level_why", sa.String(60)))
    op.add_column("documents", sa.Column("level_tries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("documents", sa.Column("level_after", sa.String(32)))
    op.create_index("ix_documents_renew_by", "documents", ["renew_by"])
    op.create_index("ix_documents_level", "documents", ["signature_level", "level_after"])
