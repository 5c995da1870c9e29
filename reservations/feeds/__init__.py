"""Bookings in people's own calendars: one file for a booking, and a feed under a secret address that its owner can end."""
