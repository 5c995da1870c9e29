"""Pages of payments: paying, receipts, finance, providers' notices, the sandbox provider's page."""

from payments.web.setup import init_app

__all__ = ["init_app"]
