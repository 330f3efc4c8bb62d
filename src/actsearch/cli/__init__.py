"""The command line; its steps are commands that the workflow calls, a rule each."""

from __future__ import annotations

import io
import os
import sys
import traceback
from pathlib import Path

from actsearch.records.search_path import working_folder_last


def main() -> None:
    """Run the command line; an error of the user's is one message and exit code 2."""
    working_folder_last()
    from actsearch.cluster.interrupts import EXIT_CODE, end_on_ctrl_c, was_pressed

    end_on_ctrl_c()
    try:
        _run()
    except Exception:
        if was_pressed():  # what an interrupted import makes of it
            sys.exit(EXIT_CODE)
        raise


def _run() -> None:
    from actsearch.cli.app import app, load_commands
    from actsearch.records.names import printable

    load_commands()
    # Names of files may be any bytes: what cannot be written is escaped.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except ValueError as error:
        # What this package raises itself speaks to the user; any other error is shown whole.
        if not _raised_here(error) or os.environ.get("ACTSEARCH_TRACEBACK"):
            raise
        lines = map(printable, _message(error).split("\n"))
        print("error: " + "\n".join(lines), file=sys.stderr)
        sys.exit(2)


def _raised_here(error: BaseException) -> bool:
    """Whether the raise statement stands in this package."""
    frames = list(traceback.walk_tb(error.__traceback__))
    return str(frames[-1][0].f_globals.get("__name__", "")).startswith("actsearch.")


def _message(error: ValueError) -> str:
    """What is said of an error: of a function or file given to the command, what was meant.

    It is looked for here, since most errors of missing files are caught and never shown.

    Returns:
        The message.
    """
    from actsearch.config.plain import meant
    from actsearch.functions.expressions import ExpressionError, parse
    from actsearch.functions.misspelt import explain
    from actsearch.records.files import NOT_THERE, ArtifactError, nearest

    text = str(error)
    if isinstance(error, ArtifactError) and text.endswith(NOT_THERE):
        return text + meant(nearest(Path(text.removesuffix(NOT_THERE))))
    if isinstance(error, ExpressionError):
        for word in sys.argv[1:]:
            for given in (word, word.partition("=")[2]):
                try:
                    parse(given)
                except ExpressionError as same:
                    if str(same) == text:
                        return explain(given, same)
    return text
