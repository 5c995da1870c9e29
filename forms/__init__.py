"""Procedures, applications and the write-less counter."""
