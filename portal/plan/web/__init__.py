"""Pages of the plan: for the IT strategy section, and the same numbers in public."""
