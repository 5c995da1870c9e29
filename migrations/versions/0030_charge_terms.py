"""Charges that are paid alone or without a receipt online, and bookings that are paid by the month (rules of use, group 15).

Revision ID: 0030
Revises: 0029
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("charge", sa.Column("alone", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("charge", sa.Column("receipt", sa.Boolean(), server_default=sa.true(), nullable=False))
    _pay_when("'advance', 'within', 'on_day', 'after_use', 'monthly', 'counter'")


def _pay_when(words: str) -> None:
    op.drop_constraint(op.f("ck_booking_pay_when"), "booking", type_="check")
    op.create_check_constraint(op.f("ck_booking_pay_when"), "booking", f"pay_when IN ({words})")


def downgrade() -> None:
    op.execute("UPDATE booking SET pay_when = 'after_use' WHERE pay_when = 'monthly'")
    _pay_when("'advance', 'within', 'on_day', 'after_use', 'counter'")
    op.drop_column("charge", "receipt")
    op.drop_column("charge", "alone")
