"""What happens to space and time beside a single booking: series, closures, sessions of individual use, noise, allocation."""
