"""Pages of payments and the provider's notices."""
