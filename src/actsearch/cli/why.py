"""Command: why."""
