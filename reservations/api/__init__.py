"""The JSON API for other systems: tokens, kept answers, limits, the shapes of what is asked and answered."""
