"""Initiatives, measures, dashboard, open data."""
