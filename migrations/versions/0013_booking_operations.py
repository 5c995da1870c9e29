"""Tables of booking operations: slots of a booking, series, closures, allocations, sessions, noise between neighbours.

Revision ID: 0013
Revises: 0012
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

JSON = postgresql.JSONB(astext_type=sa.Text())
EMPTY_LIST = sa.text("'[]'::jsonb")


def upgrade() -> None:
    """Create the tables, give bookings their slots, and let every change of an occupancy name its transaction."""
    _slots()
    _series()
    _moves()
    _closures()
    _sessions()
    _noise()
    _allocations()
    _changes()


def _slots() -> None:
    op.add_column("booking", sa.Column("slots", JSON, server_default=EMPTY_LIST, nullable=False))
    op.execute(
        "UPDATE booking SET slots = jsonb_build_array(slot || jsonb_build_object("
        "'start', to_char(starts_at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD\"T\"HH24:MI:SS+09:00'),"
        "'end', to_char(ends_at AT TIME ZONE 'Asia/Tokyo', 'YYYY-MM-DD\"T\"HH24:MI:SS+09:00')))"
    )
    op.alter_column("booking", "slots", server_default=None)
    op.drop_column("booking", "slot")


def _series() -> None:
    op.create_table(
        "booking_series",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("person_id", sa.BigInteger(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("pattern", JSON, nullable=False),
        sa.Column("missed", JSON, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_booking_series_forward")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_booking_series_person_id_person")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_booking_series_space_id_space")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_series")),
        sa.UniqueConstraint("reference", name=op.f("uq_booking_series_reference")),
    )
    op.create_index(op.f("ix_booking_series_person_id"), "booking_series", ["person_id"], unique=False)
    op.add_column("booking", sa.Column("series_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_booking_series_id_booking_series"), "booking", "booking_series", ["series_id"], ["id"]
    )
    op.create_index(op.f("ix_booking_series_id"), "booking", ["series_id"], unique=False)


def _moves() -> None:
    op.create_table(
        "booking_move",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("slots", JSON, nullable=False),
        sa.Column("documents", JSON, nullable=False),
        sa.Column("quote", JSON, nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("charge_ref", sa.String(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('pending', 'done', 'lapsed')", name=op.f("ck_booking_move_state")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_booking_move_booking_id_booking")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_booking_move_space_id_space")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_booking_move")),
        sa.UniqueConstraint("booking_id", "number", name=op.f("uq_booking_move_booking_id_number")),
        sa.UniqueConstraint("charge_ref", name=op.f("uq_booking_move_charge_ref")),
    )


def _closures() -> None:
    op.add_column("space", sa.Column("outdoor", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "closure",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reason_en", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("space_ids", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("ends_at IS NULL OR starts_at < ends_at", name=op.f("ck_closure_forward")),
        sa.CheckConstraint(
            "kind IN ('closed', 'weather', 'shelter', 'revocation', 'city')", name=op.f("ck_closure_kind")
        ),
        sa.CheckConstraint("kind <> 'revocation' OR ground <> ''", name=op.f("ck_closure_ground")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
        sa.UniqueConstraint("reference", name=op.f("uq_closure_reference")),
    )
    op.create_table(
        "closure_hit",
        sa.Column("closure_id", sa.BigInteger(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        sa.Column("state_before", sa.String(), nullable=False),
        sa.Column("owed", sa.BigInteger(), nullable=False),
        sa.Column("refund_ref", sa.String(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_closure_hit_booking_id_booking")),
        sa.ForeignKeyConstraint(["closure_id"], ["closure.id"], name=op.f("fk_closure_hit_closure_id_closure")),
        sa.PrimaryKeyConstraint("closure_id", "booking_id", name=op.f("pk_closure_hit")),
    )
    op.create_index(op.f("ix_closure_hit_booking_id"), "closure_hit", ["booking_id"], unique=False)
    op.create_index(
        "ix_closure_hit_open",
        "closure_hit",
        ["closure_id"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )


def _sessions() -> None:
    op.create_table(
        "open_session",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("slot", JSON, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("tariff", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("places >= 1", name=op.f("ck_open_session_places")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_open_session_forward")),
        sa.ForeignKeyConstraint(["space_id"], ["space.id"], name=op.f("fk_open_session_space_id_space")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_open_session")),
        sa.UniqueConstraint("reference", name=op.f("uq_open_session_reference")),
    )
    op.create_index("ix_open_session_space_id_starts_at", "open_session", ["space_id", "starts_at"], unique=False)
    op.add_column("booking", sa.Column("session_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_booking_session_id_open_session"), "booking", "open_session", ["session_id"], ["id"])
    op.create_table(
        "session_place",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("session_id", sa.BigInteger(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("live", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("session_id"), "="),
            (sa.column("place"), "="),
            (sa.column("live"), "&&"),
            using="gist",
            name="ex_session_place_once",
        ),
        sa.CheckConstraint("place >= 1", name=op.f("ck_session_place_place")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_session_place_booking_id_booking")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["open_session.id"], name=op.f("fk_session_place_session_id_open_session")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_place")),
    )
    op.create_index(op.f("ix_session_place_booking_id"), "session_place", ["booking_id"], unique=False)


def _noise() -> None:
    op.add_column("purpose", sa.Column("noise", sa.String(), server_default=sa.text("''"), nullable=False))
    op.create_check_constraint(op.f("ck_purpose_noise"), "purpose", "noise IN ('', 'loud', 'quiet')")
    op.create_table(
        "space_neighbour",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("other_id", sa.Integer(), nullable=False),
        sa.CheckConstraint("space_id < other_id", name=op.f("ck_space_neighbour_once")),
        sa.ForeignKeyConstraint(
            ["space_id"], ["space.id"], name=op.f("fk_space_neighbour_space_id_space"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["space.id"], name=op.f("fk_space_neighbour_other_id_space"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_space_neighbour")),
        sa.UniqueConstraint("space_id", "other_id", name=op.f("uq_space_neighbour_space_id_other_id")),
    )
    op.create_index(op.f("ix_space_neighbour_other_id"), "space_neighbour", ["other_id"], unique=False)
    op.create_table(
        "sound_claim",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("neighbour_id", sa.Integer(), nullable=False),
        sa.Column("loud", sa.Integer(), nullable=False),
        sa.Column("party", sa.String(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("live", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("booking_id", sa.BigInteger(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("neighbour_id"), "="),
            (sa.column("loud"), "<>"),
            (sa.column("party"), "<>"),
            (sa.column("during"), "&&"),
            (sa.column("live"), "&&"),
            using="gist",
            name="ex_sound_claim_no_noise",
        ),
        sa.CheckConstraint("loud IN (0, 1)", name=op.f("ck_sound_claim_loud")),
        sa.ForeignKeyConstraint(["booking_id"], ["booking.id"], name=op.f("fk_sound_claim_booking_id_booking")),
        sa.ForeignKeyConstraint(
            ["neighbour_id"],
            ["space_neighbour.id"],
            name=op.f("fk_sound_claim_neighbour_id_space_neighbour"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sound_claim")),
    )
    op.create_index(op.f("ix_sound_claim_booking_id"), "sound_claim", ["booking_id"], unique=False)


def _allocations() -> None:
    op.create_table(
        "allocation",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("facility_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("entries", JSON, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.BigInteger(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('draft', 'applied')", name=op.f("ck_allocation_state")),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_allocation_facility_id_facility")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocation")),
        sa.UniqueConstraint("reference", name=op.f("uq_allocation_reference")),
    )
    op.create_index(op.f("ix_allocation_facility_id"), "allocation", ["facility_id"], unique=False)


def _changes() -> None:
    """`changed`: the transaction that wrote the row last, so that a stored calendar sees what was committed since it was made."""
    xid = sa.Column(
        "changed", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False
    )
    op.add_column("occupancy", xid)
    op.create_index("ix_occupancy_changed", "occupancy", ["changed"], unique=False)
    op.create_table(
        "occupancy_gone",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("unit_id", sa.Integer(), nullable=False),
        sa.Column(
            "changed", sa.BigInteger(), server_default=sa.text("pg_current_xact_id()::text::bigint"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_occupancy_gone")),
    )
    op.create_index("ix_occupancy_gone_changed", "occupancy_gone", ["changed"], unique=False)
    op.execute(
        """
        CREATE FUNCTION occupancy_changed() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.unit_id <> NEW.unit_id THEN
                INSERT INTO occupancy_gone (unit_id) VALUES (OLD.unit_id);
            END IF;
            NEW.changed := pg_current_xact_id()::text::bigint;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER occupancy_changed BEFORE UPDATE ON occupancy FOR EACH ROW EXECUTE FUNCTION occupancy_changed()"
    )
    op.execute(
        """
        CREATE FUNCTION occupancy_gone() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO occupancy_gone (unit_id) SELECT DISTINCT unit_id FROM gone;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER occupancy_gone AFTER DELETE ON occupancy REFERENCING OLD TABLE AS gone"
        " FOR EACH STATEMENT EXECUTE FUNCTION occupancy_gone()"
    )


def downgrade() -> None:
    """Drop them; a booking of several slots keeps its first."""
    op.execute("DROP TRIGGER occupancy_gone ON occupancy")
    op.execute("DROP TRIGGER occupancy_changed ON occupancy")
    op.execute("DROP FUNCTION occupancy_gone")
    op.execute("DROP FUNCTION occupancy_changed")
    op.drop_table("occupancy_gone")
    op.drop_index("ix_occupancy_changed", table_name="occupancy")
    op.drop_column("occupancy", "changed")
    op.drop_table("allocation")
    op.drop_table("sound_claim")
    op.drop_table("space_neighbour")
    op.drop_constraint(op.f("ck_purpose_noise"), "purpose", type_="check")
    op.drop_column("purpose", "noise")
    op.drop_table("session_place")
    op.drop_column("booking", "session_id")
    op.drop_table("open_session")
    op.drop_column("space", "outdoor")
    op.drop_table("booking_move")
    op.drop_table("closure_hit")
    op.drop_table("closure")
    op.drop_index(op.f("ix_booking_series_id"), table_name="booking")
    op.drop_column("booking", "series_id")
    op.drop_table("booking_series")
    op.add_column("booking", sa.Column("slot", JSON, nullable=True))
    op.execute("UPDATE booking SET slot = (slots -> 0) - 'start' - 'end'")
    op.alter_column("booking", "slot", nullable=False)
    op.drop_column("booking", "slots")
