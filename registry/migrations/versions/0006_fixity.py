"""When every byte of each archived object was last read, and what was found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fixity",
        sa.Column("root", sa.String(200), primary_key=True),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("checked_at", sa.String(32)),
        sa.Column("findings", sa.JSON),
        sa.Column("bytes_read", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
    )
    op.create_index("ix_fixity_since", "fixity", ["since"])
    op.create_index("ix_fixity_checked_at", "fixity", ["checked_at"])
    damaged = sa.text("findings IS NOT NULL")
    op.create_index("ix_fixity_damaged", "fixity", ["since"], sqlite_where=damaged, postgresql_where=damaged)
