"""Several charges are paid in one sum: which charge is in which sum, and for which part money goes back.

What keeps anybody from paying twice is here: a charge is in one sum at most (one column), nothing is paid by itself while it
is in a sum, and a sum is paid only with exactly what its parts ask for.

Revision ID: 0022
Revises: 0021
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

STATES = ("open", "paid", "void", "partly_refunded", "refunded", "written_off")
CHANGES = ("state", "state_at", "pay_until")


def upgrade() -> None:
    op.create_table(
        "charge_part",
        sa.Column("joint_id", sa.BigInteger(), nullable=False),
        sa.Column("charge_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["joint_id"], ["charge.id"], name="fk_charge_part_joint_id_charge"),
        sa.ForeignKeyConstraint(["charge_id"], ["charge.id"], name="fk_charge_part_charge_id_charge"),
        sa.PrimaryKeyConstraint("joint_id", "charge_id", name="pk_charge_part"),
    )
    op.create_index("ix_charge_part_charge_id", "charge_part", ["charge_id"], unique=False)
    for table, column in (("charge", "joined_to_id"), ("refund", "part_id")):
        op.add_column(table, sa.Column(column, sa.BigInteger(), nullable=True))
        op.create_foreign_key(f"fk_{table}_{column}_charge", table, "charge", [column], ["id"])
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
    _states((*STATES[:5], "joined", STATES[5]))
    op.create_check_constraint(
        op.f("ck_charge_joined_to_something"), "charge", "state <> 'joined' OR joined_to_id IS NOT NULL"
    )
    _may_change((*CHANGES, "joined_to_id"))
    op.execute(
        "CREATE TRIGGER charge_part_append_only BEFORE UPDATE OR DELETE ON charge_part"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        "CREATE TRIGGER charge_part_no_truncate BEFORE TRUNCATE ON charge_part"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute(
        """
        CREATE FUNCTION charge_paid_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_TABLE_NAME = 'payment' THEN
                IF EXISTS (SELECT 1 FROM charge WHERE id = NEW.charge_id AND joined_to_id IS NOT NULL) THEN
                    RAISE EXCEPTION 'charge % is paid in one sum with others', NEW.charge_id
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'charge_paid_once', TABLE = 'payment';
                END IF;
                IF EXISTS (SELECT 1 FROM charge WHERE id = NEW.charge_id AND payable_kind = 'charges')
                   AND NEW.amount <> (SELECT coalesce(sum(total), 0) FROM charge WHERE joined_to_id = NEW.charge_id) THEN
                    RAISE EXCEPTION 'the payment of sum % is not what its parts ask for', NEW.charge_id
                        USING ERRCODE = 'check_violation', CONSTRAINT = 'sum_of_its_parts', TABLE = 'payment';
                END IF;
            ELSIF EXISTS (SELECT 1 FROM payment WHERE accepted AND charge_id IN (OLD.id, OLD.joined_to_id)) THEN
                RAISE EXCEPTION 'charge % is paid and stays where it was paid', OLD.id
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'charge_paid_once', TABLE = 'charge';
            END IF;
            RETURN NEW;
        END $$
        """,
    )
    op.execute(
        "CREATE TRIGGER payment_once BEFORE INSERT ON payment FOR EACH ROW WHEN (NEW.accepted)"
        " EXECUTE FUNCTION charge_paid_once()"
    )
    op.execute(
        "CREATE TRIGGER charge_joined BEFORE UPDATE OF joined_to_id ON charge FOR EACH ROW"
        " WHEN (OLD.joined_to_id IS DISTINCT FROM NEW.joined_to_id) EXECUTE FUNCTION charge_paid_once()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER charge_joined ON charge")
    op.execute("DROP TRIGGER payment_once ON payment")
    op.execute("DROP FUNCTION charge_paid_once()")
    op.drop_constraint(op.f("ck_charge_joined_to_something"), "charge", type_="check")
    # What waits in a sum that an older program does not know is withdrawn with it: its demand is countered already.
    op.execute("DROP TRIGGER charge_changes ON charge")
    op.execute("UPDATE charge SET state = 'void' WHERE state = 'joined'")
    for table, column in (("refund", "part_id"), ("charge", "joined_to_id")):
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        op.drop_constraint(f"fk_{table}_{column}_charge", table, type_="foreignkey")
        op.drop_column(table, column)
    op.drop_table("charge_part")
    _states(STATES)
    _may_change(CHANGES, replace=False)


def _states(words: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{word}'" for word in words)
    op.drop_constraint(op.f("ck_charge_state_known"), "charge", type_="check")
    op.create_check_constraint(op.f("ck_charge_state_known"), "charge", f"state IN ({listed})")


def _may_change(columns: tuple[str, ...], *, replace: bool = True) -> None:
    if replace:
        op.execute("DROP TRIGGER charge_changes ON charge")
    arguments = ", ".join(f"'{column}'" for column in columns)
    op.execute(
        "CREATE TRIGGER charge_changes BEFORE UPDATE OR DELETE ON charge"
        f" FOR EACH ROW EXECUTE FUNCTION refuse_other_change({arguments})"
    )
