from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from portal.kernel import logs


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a process would have logged."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    stream = io.StringIO()
    logs.configure(json=True, stream=stream)
    # A logger that an earlier test used keeps its first configuration.
    structlog.configure(cache_logger_on_first_use=False)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_log_line_shows_no_mail_address_no_number_and_no_named_value(written: io.StringIO) -> None:
    structlog.get_logger("test").info(
        "sent to hanako@example.jp", phone="0280-00-0001", note="call 09000000001", reference="A-7K3F-92QX-5"
    )
    line = written.getvalue()
    assert "hanako" not in line
    assert "0280" not in line
    assert "09000000001" not in line
    assert "A-7K3F-92QX-5" in line


def test_an_exception_is_logged_with_its_place_and_without_what_a_person_typed(
    session: Session, written: io.StringIO
) -> None:
    try:
        session.execute(text("CREATE TEMPORARY TABLE t (name text CONSTRAINT only_one UNIQUE)"))
        session.execute(text("INSERT INTO t VALUES ('見本花子'), ('見本花子')"))
    except IntegrityError as error:
        structlog.get_logger("test").error("failed", exc_info=error)
    try:
        int("見本花子")
    except ValueError:
        logging.getLogger("foreign").exception("failed")
    lines = written.getvalue()
    assert "見本花子" not in lines
    assert "23505 only_one" in lines
    assert "ValueError" in lines
    assert "test_logs.py" in lines
