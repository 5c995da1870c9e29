"""The development double of a bank: its registration page, and its result of an order file. It invents answers: production refuses it.

Named `double` so that nobody takes it for a service. It signs with HMAC-SHA256, as a real one would sign with its own key.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlencode

from payments.transfers import files
from payments.transfers.base import AnsweredAccount, NotSignedError, TransferAnswer, TransferOrder
from payments.transfers.files import Result


class DoubleGateway:
    """Leads to a page of ours that looks like a bank's."""

    code = "double"

    def __init__(self, *, secret: str, public_url: str) -> None:
        self._secret = f"transfer:{secret}".encode()
        self._url = public_url

    def begin(self, order: TransferOrder) -> str:
        """The address of the double's page; the order travels signed in it."""
        body = json.dumps(asdict(order), ensure_ascii=False, sort_keys=True)
        return f"{self._url}/transfers/double?{urlencode({'order': body, 'signature': self.sign(body)})}"

    def order(self, body: str, signature: str) -> TransferOrder:
        """The order that the double's page was opened with.

        Raises:
            NotSignedError: it was altered.
        """
        self._check(body, signature)
        try:
            return TransferOrder(**json.loads(body))
        except (ValueError, TypeError) as error:
            raise NotSignedError from error

    def answer(self, order: TransferOrder, *, confirmed: bool, now: datetime) -> tuple[str, str]:
        """What the double's bank says: the answer and its signature."""
        account = {"kind": "1", "number": "7654321", "holder": "ミホン ハナコ"}
        body = json.dumps(
            {
                "reference": order.reference,
                "confirmed": confirmed,
                "mandate": f"M{secrets.token_hex(8)}" if confirmed else "",
                "last_digits": "4321" if confirmed else "",
                "reason": "" if confirmed else "refused_by_holder",
                "at": now.isoformat(),
                "account": account if confirmed and order.account else None,
            },
            sort_keys=True,
        )
        return body, self.sign(body)

    def result(self, ordered: bytes, said: Mapping[str, Result]) -> bytes:
        """What the double's bank answers to an order file; an order that is not named was taken."""
        return files.answer(ordered, said)

    def read_answer(self, body: str, signature: str) -> TransferAnswer:
        """The answer, if its signature is right.

        Raises:
            NotSignedError: it is not.
        """
        self._check(body, signature)
        try:
            said = json.loads(body)
            at = datetime.fromisoformat(said["at"])
            if at.tzinfo is None:
                raise NotSignedError
            return TransferAnswer(
                reference=str(said["reference"]),
                confirmed=said["confirmed"] is True,
                mandate=str(said["mandate"])[:80],
                last_digits=str(said["last_digits"])[-4:],
                reason=str(said["reason"])[:60],
                at=at,
                account=AnsweredAccount(**said["account"]) if said.get("account") else None,
            )
        except (ValueError, TypeError, KeyError) as error:
            raise NotSignedError from error

    def sign(self, body: str) -> str:
        """HMAC-SHA256 of a text, hex."""
        return hmac.new(self._secret, body.encode(), hashlib.sha256).hexdigest()

    def _check(self, body: str, signature: str) -> None:
        if not hmac.compare_digest(self.sign(body).encode(), signature.encode()):
            raise NotSignedError
