"""Tables of attachments: attachments, signed documents, letters.

Revision ID: 0017
Revises: 0016
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "attachment",
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column(
            "application_id",
            sa.BigInteger(),
            sa.ForeignKey("application.id", name=op.f("fk_attachment_application_id_application"), ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("field_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column(
            "added_by",
            sa.BigInteger(),
            sa.ForeignKey("account.id", name=op.f("fk_attachment_added_by_account")),
            nullable=True,
        ),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("size > 0", name=op.f("ck_attachment_size_positive")),
        sa.CheckConstraint("length(sha256) = 64", name=op.f("ck_attachment_sha256_is_one")),
        sa.CheckConstraint(
            "media_type in ('application/pdf', 'image/jpeg')", name=op.f("ck_attachment_media_type_known")
        ),
    )
    op.create_index(op.f("ix_attachment_application_id"), "attachment", ["application_id"])
    op.create_table(
        "attachment_content",
        sa.Column(
            "attachment_id",
            sa.Uuid(),
            sa.ForeignKey(
                "attachment.id", name=op.f("fk_attachment_content_attachment_id_attachment"), ondelete="CASCADE"
            ),
            primary_key=True,
        ),
        sa.Column("part", sa.Text(), primary_key=True),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("part in ('file', 'preview')", name=op.f("ck_attachment_content_part_known")),
    )
    op.create_index(op.f("ix_attachment_content_key_id"), "attachment_content", ["key_id"])
    op.add_column("issued_document", sa.Column("sha256", sa.Text(), nullable=True))
    op.add_column("issued_document", sa.Column("signer", sa.Text(), nullable=True))
    op.create_index(op.f("ix_issued_document_sha256"), "issued_document", ["sha256"])
    op.create_table(
        "letter",
        sa.Column("id", sa.BigInteger(), primary_key=True),
        sa.Column(
            "application_id",
            sa.BigInteger(),
            sa.ForeignKey("application.id", name=op.f("fk_letter_application_id_application"), ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "printed_by",
            sa.BigInteger(),
            sa.ForeignKey("account.id", name=op.f("fk_letter_printed_by_account")),
            nullable=True,
        ),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "sent_by",
            sa.BigInteger(),
            sa.ForeignKey("account.id", name=op.f("fk_letter_sent_by_account")),
            nullable=True,
        ),
        sa.Column("sent_on", sa.Date(), nullable=True),
        sa.UniqueConstraint("application_id", "event", name=op.f("uq_letter_application_id_event")),
        sa.CheckConstraint("(printed_at is null) = (printed_by is null)", name=op.f("ck_letter_printed_by_somebody")),
        sa.CheckConstraint("(sent_at is null) = (sent_by is null)", name=op.f("ck_letter_sent_by_somebody")),
        sa.CheckConstraint("(sent_at is null) = (sent_on is null)", name=op.f("ck_letter_sent_on_a_day")),
        sa.CheckConstraint("sent_at is null or printed_at is not null", name=op.f("ck_letter_sent_after_print")),
    )
    op.create_index(op.f("ix_letter_application_id"), "letter", ["application_id"])
    op.create_index("ix_letter_to_send", "letter", ["made_at"], postgresql_where=sa.text("sent_at is null"))


def downgrade() -> None:
    op.drop_table("letter")
    op.drop_index(op.f("ix_issued_document_sha256"), "issued_document")
    op.drop_column("issued_document", "signer")
    op.drop_column("issued_document", "sha256")
    op.drop_table("attachment_content")
    op.drop_table("attachment")
