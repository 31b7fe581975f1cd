"""What kind of copy a document is, and which record an extract was made from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("copied", sa.JSON))
    op.add_column("documents", sa.Column("copied_from", sa.String(36)))
    op.create_index("ix_documents_copied_from", "documents", ["copied_from"])
    op.add_column("scans", sa.Column("copied", sa.JSON))
