"""Letters to print and post, for people without mail: the same words at the same moments as a mail (CASES A11)."""
