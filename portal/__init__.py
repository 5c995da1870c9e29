"""The shell: whatever is not one of the three domains."""
