"""What `portal.app` calls once for each process, web and worker alike."""

from __future__ import annotations

from payments import counter_items, dunning, gateways, joint, mails, pay_links, receipts, refunds, sealing, transfers
from payments.bills import paying
from portal.settings import Settings


def configure(settings: Settings) -> None:
    """Choose the provider and tell the mails where the pages are. Safe to call again.

    Raises:
        SettingsError: the settings name a provider that cannot be used.
    """
    mails.configure(settings.public_url)
    sealing.configure(settings.secret_key)
    refunds.configure(settings.refund_alone_up_to_yen)
    gateways.configure(settings)
    paying.register()
    joint.configure()
    pay_links.configure(settings.secret_key, settings.public_url)
    receipts.configure(settings.secret_key, settings.public_url)
    dunning.configure(before=settings.remind_before, after=settings.remind_after, costs=settings.demand_costs)
    dunning.register()
    counter_items.register()
    transfers.configure(settings)
