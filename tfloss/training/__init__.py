"""Training a network to minimise a formula: `fit`, `fit_stream`, and what they are made of."""
