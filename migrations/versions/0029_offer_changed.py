"""Every change of what is offered names its transaction, as changes of occupancies do, so that what is stored of it is never stale.

Revision ID: 0029
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

TABLES = ("facility", "facility_name", "space", "space_unit", "space_purpose", "purpose", "rule_document")


def upgrade() -> None:
    op.create_table(
        "offer_changed",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column(
            "changed", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer_changed")),
    )
    op.create_index("ix_offer_changed_changed", "offer_changed", ["changed"], unique=False)
    op.execute(
        """
        CREATE FUNCTION offer_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO offer_changed DEFAULT VALUES;
            RETURN NULL;
        END $$
        """
    )
    for table in TABLES:
        op.execute(
            f"CREATE TRIGGER offer_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION offer_changed()"
        )


def downgrade() -> None:
    for table in TABLES:
        op.execute(f"DROP TRIGGER offer_changed ON {table}")
    op.execute("DROP FUNCTION offer_changed")
    op.drop_table("offer_changed")
