"""Commands that ask about results, and make none."""
