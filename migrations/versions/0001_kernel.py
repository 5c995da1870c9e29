"""Tables of kernel.

Revision ID: 0001
Revises: -
"""

from __future__ import annotations

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of kernel."""


def downgrade() -> None:
    """Drop the tables of kernel."""
