"""Command: audit."""
