"""By which edition of the policy it was measured when a record's newest timestamp ends. Null: it is measured anew."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("documents", sa.Column("renew_policy", sa.String(20)))
    op.create_index("ix_documents_renew_policy", "documents", ["renew_policy", "signature_level"])
