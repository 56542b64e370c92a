"""Built-in metrics, through the same entry points as anybody's."""
