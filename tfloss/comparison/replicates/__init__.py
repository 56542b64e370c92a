"""Many seeds of one training as one compiled program."""
