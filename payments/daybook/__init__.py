"""The provider's books against ours, day by day: what was lost is found, fees and payouts are booked, what is left is listed."""

from payments.daybook.run import Day, days_due, merchants, reconcile

__all__ = ["Day", "days_due", "merchants", "reconcile"]
