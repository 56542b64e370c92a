"""The processes and devices of one training: found, started, and spoken with."""
