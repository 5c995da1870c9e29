"""The words of a charge's line in English.

Revision ID: 0028
Revises: 0027
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge_line", sa.Column("label_en", sa.String(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("charge_line", "label_en")
