"""Accounts, the people behind them, and who may do what.

An account is a way in (mail address, password, second factor). A person is somebody's own facts, as they
gave them; staff accounts have none. A role is granted to an account, where it makes sense within a scope.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, Text, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.mutable import MutableList
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.kernel.database import Base


class Role(StrEnum):
    """What an account may be. RESIDENT is every account that has a person; the others are granted."""

    RESIDENT = "resident"
    COUNTER = "counter"
    REVIEWER = "reviewer"
    APPROVER = "approver"
    FACILITY_MANAGER = "facility_manager"
    FACILITY_ADMIN = "facility_admin"
    EDITOR = "editor"
    FINANCE = "finance"
    IT_STRATEGY = "it_strategy"


class ScopeKind(StrEnum):
    """What a grant is limited to."""

    NONE = "none"
    DEPARTMENT = "department"
    FACILITY = "facility"


STAFF_ROLES = tuple(role for role in Role if role is not Role.RESIDENT)

#: The scope that a role needs; a role that is not listed is granted for the whole city.
SCOPE_OF = {
    Role.REVIEWER: ScopeKind.DEPARTMENT,
    Role.APPROVER: ScopeKind.DEPARTMENT,
    Role.EDITOR: ScopeKind.DEPARTMENT,
    Role.FACILITY_MANAGER: ScopeKind.FACILITY,
}


def _one_of(column: str, values: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"{column} IN ({listed})"


class Person(Base):
    """A person's own facts. Names are kept exactly as typed (never NFC- or NFKC-normalised).

    `source` says where the facts come from: `self` (typed by the person) or `counter` (typed or read by staff).
    """

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint(_one_of("sex", ("female", "male", "other", "unsaid")), name="sex_known"),
        CheckConstraint(_one_of("source", ("self", "counter")), name="source_known"),
        # Who shares a telephone or a home: limits against rings of accounts ask for both (CASES B7).
        Index("ix_person_phone_digits", text("regexp_replace(phone, '\\D', '', 'g')")),
        Index("ix_person_household", "postal_code", "block"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    kana: Mapped[str] = mapped_column(Text, server_default=text("''"))
    #: The folded name and kana that staff searches compare; never shown.
    search: Mapped[str] = mapped_column(Text, server_default=text("''"))
    birth_date: Mapped[date | None]
    sex: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text, server_default=text("''"))
    email: Mapped[str | None] = mapped_column(Text)
    postal_code: Mapped[str] = mapped_column(Text, server_default=text("''"))
    prefecture: Mapped[str] = mapped_column(Text, server_default=text("''"))
    city: Mapped[str] = mapped_column(Text, server_default=text("''"))
    town: Mapped[str] = mapped_column(Text, server_default=text("''"))
    block: Mapped[str] = mapped_column(Text, server_default=text("''"))
    building: Mapped[str] = mapped_column(Text, server_default=text("''"))
    source: Mapped[str] = mapped_column(Text, server_default=text("'self'"))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    changed_at: Mapped[datetime] = mapped_column(server_default=func.now())

    @property
    def address(self) -> str:
        """The address on one line, as it is written on an envelope."""
        line = f"{self.prefecture}{self.city}{self.town}{self.block}"
        return f"{line} {self.building}".strip()

    @property
    def complete(self) -> bool:
        """Whether applications can be filled in from it."""
        return bool(self.name and self.kana and self.postal_code)


class Account(Base):
    """A way in. The unique index compares mail addresses case-insensitively."""

    __tablename__ = "account"
    __table_args__ = (
        Index("uq_account_email_lower", text("lower(email)"), unique=True),
        UniqueConstraint("fs_uniquifier"),
        UniqueConstraint("fs_webauthn_user_handle"),
        CheckConstraint(_one_of("locale", ("ja", "en")), name="locale_known"),
        CheckConstraint("is_staff OR person_id IS NOT NULL", name="resident_has_person"),
        UniqueConstraint("number"),
        CheckConstraint("email IS NOT NULL OR number IS NOT NULL", name="way_in"),
        CheckConstraint("NOT is_staff OR email IS NOT NULL", name="staff_has_mail"),
        CheckConstraint(_one_of("confirmed_by", ("counter", "letter")), name="confirmed_by_known"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    #: None for somebody without mail, who signs in with the number.
    email: Mapped[str | None] = mapped_column(Text)
    #: 利用者番号 (U-…) of somebody without mail.
    number: Mapped[str | None] = mapped_column(Text)
    #: argon2id hash; None where the account was made for somebody who has still to choose one.
    password: Mapped[str | None] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(server_default=text("true"))
    #: Changes with the password: sessions that carry an older one end.
    fs_uniquifier: Mapped[str] = mapped_column(Text)
    fs_webauthn_user_handle: Mapped[str | None] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None]
    #: counter: handed over to somebody whose identity was seen; letter: posted to the address; None: by mail, or by staff.
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    tf_primary_method: Mapped[str | None] = mapped_column(Text)
    #: Encrypted with a key derived from the secret key.
    tf_totp_secret: Mapped[str | None] = mapped_column(Text)
    #: The last TOTP interval that was accepted: a code is good once.
    tf_last_counter: Mapped[int | None] = mapped_column(BigInteger)
    tf_phone_number: Mapped[str | None] = mapped_column(Text)
    mf_recovery_codes: Mapped[list[str] | None] = mapped_column(MutableList.as_mutable(ARRAY(Text)))
    locale: Mapped[str] = mapped_column(Text, server_default=text("'ja'"))
    display_name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    is_staff: Mapped[bool] = mapped_column(server_default=text("false"))
    is_demo: Mapped[bool] = mapped_column(server_default=text("false"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())

    person: Mapped[Person | None] = relationship()
    grants: Mapped[list[RoleGrant]] = relationship(back_populates="account", cascade="all, delete-orphan")


class AccountCode(Base):
    """A code on paper that opens an account once; only its hash is here. One live code an account (unique index).

    Attributes:
        way: counter (handed over, `identity_seen` says what was looked at) or letter (posted).
        used_at: when its owner chose a password with it.
        ended_at: when a newer one took its place.
    """

    __tablename__ = "account_code"
    __table_args__ = (
        CheckConstraint(_one_of("way", ("counter", "letter")), name="way_known"),
        CheckConstraint("(way = 'counter') = (identity_seen IS NOT NULL)", name="handed_over_to_somebody_seen"),
        Index(
            "one_live_account_code",
            "account_id",
            unique=True,
            postgresql_where=text("used_at IS NULL AND ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"))
    way: Mapped[str] = mapped_column(Text)
    code_sha256: Mapped[str] = mapped_column(Text)
    identity_seen: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    made_by: Mapped[int] = mapped_column(ForeignKey("account.id"))
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class RoleGrant(Base):
    """A role that an account holds, for the whole city or within one department or facility."""

    __tablename__ = "role_grant"
    __table_args__ = (
        UniqueConstraint("account_id", "role", "scope_kind", "scope_code"),
        CheckConstraint(_one_of("role", tuple(role.value for role in STAFF_ROLES)), name="role_known"),
        CheckConstraint(_one_of("scope_kind", tuple(kind.value for kind in ScopeKind)), name="scope_kind_known"),
        CheckConstraint("(scope_kind = 'none') = (scope_code = '')", name="scope_code_given"),
    )

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    role: Mapped[str] = mapped_column(Text)
    scope_kind: Mapped[str] = mapped_column(Text, server_default=text("'none'"))
    scope_code: Mapped[str] = mapped_column(Text, server_default=text("''"))
    granted_at: Mapped[datetime] = mapped_column(server_default=func.now())

    account: Mapped[Account] = relationship(back_populates="grants")


class Passkey(Base):
    """A WebAuthn credential of an account. Only its public key is here."""

    __tablename__ = "passkey"
    __table_args__ = (UniqueConstraint("credential_id"), UniqueConstraint("user_id", "name"))

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(Text)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    transports: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    backup_state: Mapped[bool] = mapped_column(server_default=text("false"))
    device_type: Mapped[str] = mapped_column(Text)
    extensions: Mapped[str | None] = mapped_column(Text)
    usage: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    lastuse_datetime: Mapped[datetime]


class Guess(Base):
    """Failed sign-ins of one account from one origin within one window: what throttles a guesser.

    `subject` is a keyed hash of the mail address as typed (an address without account counts the same) or `*`;
    `origin` is a network or a known device, never an account's owner as such. Rows older than a day are swept.
    """

    __tablename__ = "sign_in_guess"

    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    origin: Mapped[str] = mapped_column(Text, primary_key=True)
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    window_started_at: Mapped[datetime] = mapped_column(index=True)
