"""Networks with a function in place of their activations: built, tried out, and what they cost."""
