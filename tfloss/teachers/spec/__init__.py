"""A teacher's text: its name, settings and options, before anything is fitted."""
