"""Commands that look at functions and at their results, and make none."""
