"""Epochs: one loop over a source of batches, its chunks, callbacks and the guard against NaN."""
