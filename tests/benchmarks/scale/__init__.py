"""Time and memory as data, formulas and folders grow; see `__main__.py`."""
