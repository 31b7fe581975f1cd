"""Signatures that officials make on their own machines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signing_requests",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column(
            "document_id",
            sa.String(36),
            sa.ForeignKey("documents.id", name="fk_signing_requests_document_id"),
            nullable=False,
        ),
        sa.Column("unit", sa.String(35), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("asked_by", sa.String(100), nullable=False),
        sa.Column("certificate_sha256", sa.String(64), nullable=False),
        sa.Column("source_sha256", sa.String(64), nullable=False),
        sa.Column("prepared", sa.Text, nullable=False),
        sa.Column("prepared_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False),
        sa.Column("answer", sa.Text),
        sa.Column("answered_by", sa.String(100)),
        sa.Column("answered_at", sa.String(32)),
        sa.Column("error_code", sa.String(40)),
        sa.PrimaryKeyConstraint("id", name="pk_signing_requests"),
    )
    op.create_index("ix_signing_requests_document", "signing_requests", ["document_id", "role", "state"])
