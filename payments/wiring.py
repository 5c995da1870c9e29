"""What `portal.app` calls once for each process, web and worker alike."""

from __future__ import annotations

from payments import gateways, mails
from payments.bills import paying
from portal.settings import Settings


def configure(settings: Settings) -> None:
    """Choose the provider and tell the mails where the pages are. Safe to call again.

    Raises:
        SettingsError: the settings name a provider that cannot be used.
    """
    mails.configure(settings.public_url)
    gateways.configure(settings)
    paying.register()
