"""What is compiled: the forward pass, one train step, one evaluation. It knows no epochs."""
