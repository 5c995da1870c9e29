"""Pages of bookings: routes and input forms."""
