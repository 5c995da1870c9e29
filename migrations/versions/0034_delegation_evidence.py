"""What a clerk looked at when somebody let another act for them on paper.

Revision ID: 0034
Revises: 0033
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delegation", sa.Column("identity_seen", sa.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("delegation", "identity_seen")
