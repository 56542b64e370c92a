"""Built-in teachers, through the same entry points as anybody's."""
