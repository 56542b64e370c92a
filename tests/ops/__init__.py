"""Tests of what losses are made of."""
