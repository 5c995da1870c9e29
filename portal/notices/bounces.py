"""Mails that came back: the report (RFC 3464) names our Message-ID and why."""

from __future__ import annotations

import email
import email.policy
import re
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage

from sqlalchemy.orm import Session

from portal.notices import services

_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,200}>")
_STATUS = re.compile(r"^Status:\s*([245]\.\d{1,3}\.\d{1,3})", re.MULTILINE | re.IGNORECASE)
_ORIGINAL_ID = re.compile(r"^Message-ID:\s*(<[^<>\s]+>)", re.MULTILINE | re.IGNORECASE)
_LIMIT = 1_000_000


@dataclass(frozen=True)
class Bounce:
    """What a report says: our message's Message-ID and the enhanced status code."""

    message_id: str
    status: str


def read(report: bytes) -> Bounce | None:
    """The permanent failure that a delivery report tells of; None for a delay, a success, or any other mail."""
    message = email.message_from_bytes(report[:_LIMIT], policy=email.policy.compat32)
    if isinstance(message, EmailMessage) or message.get_content_type() != "multipart/report":
        return None
    status = message_id = None
    for part in message.walk():
        kind = part.get_content_type()
        if kind not in {"message/delivery-status", "message/rfc822", "text/rfc822-headers"}:
            continue
        text = part.as_string()
        if kind == "message/delivery-status":
            status = status or _STATUS.search(text)
        else:
            message_id = message_id or _ORIGINAL_ID.search(text)
    if status is None or message_id is None or not status[1].startswith("5"):
        return None
    found = _MESSAGE_ID.fullmatch(message_id[1])
    return Bounce(found.group(), status[1]) if found else None


def take_in(session: Session, report: bytes, *, now: datetime) -> bool:
    """Mark the message that a delivery report is about; False where it is about none of ours."""
    bounce = read(report)
    return bounce is not None and services.mark_bounced(
        session, message_id=bounce.message_id, status=bounce.status, now=now
    )
