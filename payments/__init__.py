"""Charges, payments, refunds, receipts: one ledger."""
