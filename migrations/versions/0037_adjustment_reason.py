"""Why a price was changed, in the words of who did it: the person reads it on the page and in the mail.

Revision ID: 0037
Revises: 0036
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("booking_adjustment", sa.Column("reason", sa.String(), nullable=True))


def downgrade() -> None:
    op.drop_column("booking_adjustment", "reason")
