"""Built-in recipes, through the same entry points as anybody's."""
