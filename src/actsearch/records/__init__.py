"""Where a number came from: files that carry their provenance, digests of content and code."""
