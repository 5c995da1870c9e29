"""What a renewal of a group would change waits beside the group; who wants to represent it next.

Revision ID: 0031
Revises: 0030
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("booking_group", sa.Column("renewal", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("booking_group", sa.Column("successor_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_booking_group_successor_id_person"), "booking_group", "person", ["successor_id"], ["id"]
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_booking_group_successor_id_person"), "booking_group", type_="foreignkey")
    op.drop_column("booking_group", "successor_id")
    op.drop_column("booking_group", "renewal")
