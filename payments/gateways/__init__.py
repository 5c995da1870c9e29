"""Ways to take money: Stripe, the sandbox, the counter."""
