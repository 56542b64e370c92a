"""Balances that come with tfloss: methods that weigh terms against each other, by idea."""
