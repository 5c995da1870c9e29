"""What a clerk looked at when somebody let another act for them on paper.

Revision ID: 0031
Revises: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delegation", sa.Column("identity_seen", sa.ARRAY(sa.Text()), nullable=True))


def downgrade() -> None:
    op.drop_column("delegation", "identity_seen")
