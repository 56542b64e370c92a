"""A search for coefficients and settings, confirmed on rows that it never saw."""
