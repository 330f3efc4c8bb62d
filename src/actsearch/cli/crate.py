"""Command: crate."""
