"""Saving a training and resuming it."""
