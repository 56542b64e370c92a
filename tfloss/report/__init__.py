"""What a person looks at: tables and progress, from a run's values; no TensorFlow."""
