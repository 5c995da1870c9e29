"""A local server that speaks Stripe's HTTP for the calls that the gateway makes; the official SDK talks to it."""

from tests.stripe_server.server import Chaos, Fault, StripeServer

__all__ = ["Chaos", "Fault", "StripeServer"]
