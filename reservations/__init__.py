"""Facilities, spaces, bookings."""
