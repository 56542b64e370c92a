"""Built-in models, through the same entry points as anybody's."""
