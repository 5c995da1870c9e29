"""People, groups, staff, roles, sign-in."""
