"""How long a record is kept, and the legal hold on it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("retain_until", sa.String(10)))
    op.add_column("documents", sa.Column("held_at", sa.String(32)))
    op.add_column("documents", sa.Column("held_by", sa.String(100)))
    op.add_column("documents", sa.Column("held_why", sa.String(300)))
