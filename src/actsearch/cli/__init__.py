"""The commands, one a workflow rule: read files, call a room, write files with their provenance."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; an error of the user's is one message and exit code 2."""
    from actsearch.cli.app import app, load_commands

    load_commands()
    try:
        app()
    except ValueError as error:
        # Errors that this package defines speak to the user; any other is a bug, shown whole.
        own = type(error).__module__.startswith("actsearch")
        if not own or os.environ.get("ACTSEARCH_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
