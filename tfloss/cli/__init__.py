"""The command line: thin, and quick to say no."""
