"""Tests of the built-in losses."""
