"""Built-in trackers, through the same entry points as anybody's."""
