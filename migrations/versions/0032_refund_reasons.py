"""Why staff gave money back, and which paper shows it.

Revision ID: 0032
Revises: 0031
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("refund", sa.Column("reason", sa.String(400), server_default="", nullable=False))
    op.add_column("refund", sa.Column("evidence", sa.String(200), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("refund", "evidence")
    op.drop_column("refund", "reason")
