"""What the scripts of tests/interop are made of."""
