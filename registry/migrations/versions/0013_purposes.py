"""What documents are read for: remembered with the session, and found again in the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("why", sa.String(20)))
    op.add_column("sessions", sa.Column("dossier_code", sa.String(60)))
    op.create_index("ix_audit_subject", "audit", ["subject", "action"])
    op.create_index("ix_audit_action", "audit", ["action", "at"])
