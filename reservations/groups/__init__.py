"""Groups (団体) and declared categories (在勤・在学): registered on the phone, verified by staff, with an end."""
