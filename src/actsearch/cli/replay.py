"""Command: replay."""
