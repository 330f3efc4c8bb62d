"""The command line; its steps are commands that the workflow calls, a rule each."""

from __future__ import annotations

import os
import sys
import traceback

from actsearch.records.search_path import working_folder_last


def main() -> None:
    """Run the command line; an error of the user's is one message and exit code 2."""
    working_folder_last()
    from actsearch.cli.app import app, load_commands

    load_commands()
    try:
        app()
    except ValueError as error:
        # What this package raises itself speaks to the user; any other error is shown whole.
        if not _raised_here(error) or os.environ.get("ACTSEARCH_TRACEBACK"):
            raise
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)


def _raised_here(error: BaseException) -> bool:
    """Whether the raise statement stands in this package."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return str(frames[-1][0].f_globals.get("__name__", "")).startswith("actsearch.")
