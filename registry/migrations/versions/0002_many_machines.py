"""Workers on many machines, priorities, kept verdicts, and indexes for a million records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("scans", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("documents", sa.Column("verdict", sa.String(20)))
    op.add_column("documents", sa.Column("verdict_at", sa.String(32)))
    op.drop_index("ix_scans_state", "scans")
    op.create_index("ix_scans_state", "scans", ["state", "priority", "received_at"])
    op.create_index("ix_scans_unit_state", "scans", ["unit", "state"])
    op.create_index("ix_scans_updated_at", "scans", ["updated_at"])
    op.drop_index("ix_documents_indexed_at", "documents")
    op.create_index("ix_dossiers_unit_received", "dossiers", ["unit", "received_on"])
    op.create_index("ix_reuse_events_dossier", "reuse_events", ["dossier_code", "outcome"])
    op.create_index("ix_scans_unit_updated_at", "scans", ["unit", "updated_at"])
    op.create_index("ix_documents_archived_at", "documents", ["archived_at"])
    unindexed = sa.text("indexed_at IS NULL")
    op.create_index(
        "ix_documents_unindexed", "documents", ["archived_at"], sqlite_where=unindexed, postgresql_where=unindexed
    )
    op.create_index("ix_documents_state", "documents", ["state", "created_at"])
    op.create_index("ix_documents_scan_id", "documents", ["scan_id"])
    op.create_index("ix_documents_updated_at", "documents", ["updated_at"])
    op.create_index("ix_documents_unit_updated_at", "documents", ["unit", "updated_at"])
    if op.get_bind().dialect.name == "postgresql":
        for table in ("scans", "quarantine"):
            op.alter_column(table, "size_bytes", type_=sa.BigInteger)
    op.create_table(
        "workers",
        sa.Column("instance", sa.String(100), primary_key=True),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("host", sa.String(100), nullable=False),
        sa.Column("version", sa.String(30), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("beat", sa.Integer, nullable=False),
        sa.Column("started_at", sa.String(32), nullable=False),
        sa.Column("seen_at", sa.String(32), nullable=False),
    )
    op.create_table(
        "facts",
        sa.Column("name", sa.String(60), primary_key=True),
        sa.Column("value", sa.JSON, nullable=False),
        sa.Column("at", sa.String(32), nullable=False),
    )
