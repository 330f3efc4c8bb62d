"""Command: lineage."""
