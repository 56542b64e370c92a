"""Built-in losses, through the same entry points as anybody's."""
