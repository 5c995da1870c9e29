"""Reads for pages: what a page needs, in a fixed number of statements."""
