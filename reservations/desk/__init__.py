"""The manager's day: sheets, check-in, actual use, lent things, bookings for somebody at the counter, figures."""
