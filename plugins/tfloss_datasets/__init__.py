"""Built-in datasets, through the same entry points as anybody's."""
