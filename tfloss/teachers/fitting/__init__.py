"""Fitting teachers and their predictions for every row."""
