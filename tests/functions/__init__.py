"""Tests of the built-in functions, reductions and schedules."""
