"""Pages of applications: routes and input forms."""
