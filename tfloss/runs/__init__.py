"""A run: one training by a configuration, and the folder that it leaves."""
