"""Procedures edited in the browser: check a file, compare it, let a second person publish it. A visual builder stands on this later."""
