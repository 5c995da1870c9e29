"""People at the counter."""

import pytest
from sqlalchemy.orm import Session

from portal.accounts.models import Account
from portal.kernel.audit import Actor

OFFICE = "sowa"


@pytest.fixture
def clerk(koga: str, session: Session) -> Actor:
    """A counter clerk."""
    account = Account(
        email="clerk@koga.example", fs_uniquifier="clerk", active=True, is_staff=True, display_name="窓口 職員"
    )
    session.add(account)
    session.commit()
    return Actor(account.id, "staff")
