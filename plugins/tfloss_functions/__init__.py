"""Built-in functions, through the same entry points as anybody's."""
