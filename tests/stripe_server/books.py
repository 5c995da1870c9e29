"""What Stripe keeps on its side: sessions, intents, charges, refunds, disputes, balance, payouts, events, and the rules for the calls used.

Rules from docs.stripe.com: a session lives 30 minutes to 24 hours; JPY charges are at least 50 yen; an open session can be
expired, a completed one cannot; refunds never exceed the payment; a balance transaction says what each of them did to the balance.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from payments.methods import voucher_end
from tests.stripe_server.calls import Calls
from tests.stripe_server.objects import DISPUTE_FEE


class Books(Calls):
    """What payers, banks and time do."""

    def pay(self, session_id: str, *, method: str = "card") -> None:
        """The payer completes the page and the money is there."""
        session = self.session(session_id)
        if session["status"] != "open":
            raise AssertionError(f"nobody can pay on a page that is {session['status']}")
        if method not in session["payment_method_types"]:
            raise AssertionError(f"the page does not offer {method}")
        self._take(session, method)
        self.tell("checkout.session.completed", session)

    def take_voucher(self, session_id: str, *, method: str = "konbini") -> None:
        """The payer completes the page with a method that pays later."""
        session = self.session(session_id)
        assert session["status"] == "open"
        session["status"] = "complete"
        intent = self._intent(session, "requires_action")
        if method == "konbini":
            days = int(session["payment_method_options"].get("konbini", {}).get("expires_after_days", 3))
            ends = int(voucher_end(datetime.fromtimestamp(self.now(), UTC), days).timestamp())
            intent["next_action"] = {
                "type": "konbini_display_details",
                "konbini_display_details": {"expires_at": ends, "hosted_voucher_url": None, "stores": {}},
            }
        intent["_method"] = method
        session["payment_intent"] = intent["id"]
        self.tell("checkout.session.completed", session)

    def pay_voucher(self, session_id: str) -> None:
        session = self.sessions[session_id]
        assert session["status"] == "complete"
        assert session["payment_status"] == "unpaid"
        self._take(session, self.intents[session["payment_intent"]]["_method"])
        self.tell("checkout.session.async_payment_succeeded", session)

    def waits_for_money(self, session_id: str) -> bool:
        """Whether a voucher of this page is out and can still be paid."""
        session = self.sessions[session_id]
        intent = self.intents.get(session["payment_intent"] or "")
        return session["payment_status"] == "unpaid" and intent is not None and intent["status"] == "requires_action"

    def voucher_ends(self, session_id: str) -> None:
        session = self.sessions[session_id]
        self.intents[session["payment_intent"]]["status"] = "requires_payment_method"
        self.tell("checkout.session.async_payment_failed", session)

    def settle_refund(self, refund_id: str, status: str) -> None:
        """A pending refund arrives, or a refund that had arrived comes back."""
        refund = self.refunds[refund_id]
        refund["status"] = status
        if status == "failed":
            self._refund_fails(refund)
        self.tell("refund.failed" if status == "failed" else "refund.updated", refund)

    def open_dispute(self, intent_id: str, amount: int | None = None) -> str:
        """The payer's bank takes the money back for now."""
        intent = self.intents[intent_id]
        dispute = {
            "id": self.new_id("dp"),
            "object": "dispute",
            "amount": amount or intent["amount"] - self.refunded(intent_id),
            "charge": intent["latest_charge"],
            "created": self.now(),
            "currency": "jpy",
            "evidence_details": {
                "due_by": self.now() + 7 * 86400, "has_evidence": False, "past_due": False, "submission_count": 0
            },
            "is_charge_refundable": False,
            "livemode": False,
            "metadata": {},
            "payment_intent": intent_id,
            "reason": "unrecognized",
            "status": "needs_response",
        }  # fmt: skip
        self.disputes[dispute["id"]] = dispute
        self._book("adjustment", dispute, -dispute["amount"], DISPUTE_FEE, category="dispute")
        self.tell("charge.dispute.created", dispute)
        return str(dispute["id"])

    def close_dispute(self, dispute_id: str, *, won: bool) -> None:
        """The bank has decided."""
        dispute = self.disputes[dispute_id]
        assert dispute["status"] not in {"won", "lost"}
        dispute["status"] = "won" if won else "lost"
        if won:
            self._book("adjustment", dispute, dispute["amount"], 0, category="dispute_reversal")
        self.tell("charge.dispute.closed", dispute)

    def charge_fee(self, amount: int) -> None:
        """A fee that belongs to no single payment."""
        self._book("stripe_fee", {"id": None, "metadata": {}}, -amount, 0, category="fee")

    def pay_out(self) -> str | None:
        """Everything that lies here goes to the bank; the payout's id, None where nothing is to be paid."""
        total = sum(self.lines[each]["net"] for each in self._waiting)
        if total <= 0:
            return None
        arrives = datetime.fromtimestamp(self.now(), UTC) + timedelta(days=4)
        payout = {
            "id": self.new_id("po"),
            "object": "payout",
            "amount": total,
            "arrival_date": int(arrives.timestamp()),
            "automatic": True,
            "created": self.now(),
            "currency": "jpy",
            "livemode": False,
            "metadata": {},
            "reconciliation_status": "completed",
            "status": "in_transit",
            "type": "bank_account",
        }
        self.payouts[payout["id"]] = payout
        self._paid_out_in[payout["id"]], self._waiting = self._waiting, []
        line = self._book("payout", payout, -total, 0)
        self._waiting.remove(line)
        self._paid_out_in[payout["id"]].append(line)
        self.tell("payout.created", payout)
        return str(payout["id"])

    def settle_payout(self, payout_id: str, status: str = "paid") -> None:
        """The bank has it, or sends it back."""
        payout = self.payouts[payout_id]
        payout["status"] = status
        if status == "failed":
            self._book("payout_failure", payout, payout["amount"], 0)
        self.tell(f"payout.{status}", payout)
