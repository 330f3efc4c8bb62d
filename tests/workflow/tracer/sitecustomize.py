"""Notes which functions of the package a command executes: Python runs this file at its start.

Nothing happens but in an ``actsearch`` command, where ACTSEARCH_TRACE_TO names a folder. From the
first call of a function in the module of a step's command on, every function of the package that is
called is noted with its module. What runs while a module is imported is left out, and what is
called to say what a step depends on.
"""

import atexit
import json
import os
import sys
import threading
import uuid
from pathlib import Path

_COMMANDS = f"{os.sep}actsearch{os.sep}cli{os.sep}steps{os.sep}"
_ASIDE = ("actsearch.plan.dependencies", "actsearch.plan.data_files")
_PACKAGE = f"{os.sep}actsearch{os.sep}"


def _is_aside(frame):
    """Whether a frame runs for an import of the package, or for a record's digests alone."""
    while frame is not None:
        is_import = frame.f_code.co_name == "<module>" and _PACKAGE in frame.f_code.co_filename
        if is_import or frame.f_globals.get("__name__") in _ASIDE:
            return True
        frame = frame.f_back
    return False


def _begin(folder):
    called = {}

    def trace(frame, event, argument):
        code = frame.f_code
        if _PACKAGE not in code.co_filename or code in called:
            return
        if not code.co_filename.endswith(".py"):  # a template, which its package stands for
            return
        if not called and _COMMANDS not in code.co_filename:
            return
        if not _is_aside(frame):
            called[code] = (frame.f_globals.get("__name__"), code.co_qualname)

    def write():
        found = {"arguments": sys.argv[1:], "called": sorted(set(called.values()))}
        Path(folder, f"{uuid.uuid4().hex}.json").write_text(json.dumps(found))

    threading.settrace(trace)
    sys.settrace(trace)
    atexit.register(write)


if "ACTSEARCH_TRACE_TO" in os.environ and Path(*sys.orig_argv[1:2]).name == "actsearch":
    _begin(os.environ["ACTSEARCH_TRACE_TO"])
