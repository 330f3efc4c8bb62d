"""Notes which functions of the package a command executes: Python runs this file at its start.

Nothing happens but in an ``actsearch`` command, where ACTSEARCH_TRACE_TO names a folder. From the
first call of a function in the module of a step's command on, every function of the package that
is called is noted with its module. What runs while a module is imported is left out, and what is
called to say what a step depends on.
"""

import atexit
import json
import os
import sys
import threading
import uuid
from pathlib import Path

_COMMANDS = "actsearch.cli.steps."
# What they call, at any depth, goes into the record alone.
_RECORDING = {
    ("actsearch.cli.recording", "load"),
    ("actsearch.cli.recording", "execution"),
    ("actsearch.cli.recording", "require_same_code"),
    ("actsearch.plan.dependencies", "operator_digests"),
    ("actsearch.plan.dependencies", "space_operators"),
    ("actsearch.plan.dependencies", "task_spaces"),
}


def _is_ours(frame):
    return str(frame.f_globals.get("__name__")).split(".")[0] == "actsearch"


def _is_aside(frame):
    """Whether a frame runs for an import of the package, or for a record's digests alone."""
    caller = frame.f_back
    while caller is not None:
        name = caller.f_code.co_name
        if _is_ours(caller) and name == "<module>":
            return True
        if (caller.f_globals.get("__name__"), name) in _RECORDING:
            return True
        caller = caller.f_back
    return False


def _begin(folder):
    called = {}
    settled = {}  # by identity, since a hash of code goes through all of it

    def trace(frame, event, argument):
        code = frame.f_code
        if id(code) in settled:
            return
        # Generated code is passed over: a dataclass's, a named tuple's.
        is_file = code.co_filename.endswith(".py")
        if code.co_name == "<module>" or not is_file or not _is_ours(frame):
            settled[id(code)] = code
            return
        module = frame.f_globals["__name__"]
        if not called and not module.startswith(_COMMANDS):
            return
        if not _is_aside(frame):
            settled[id(code)] = code
            called[code] = (module, code.co_qualname)

    def write():
        if called:
            found = {"arguments": sys.argv[1:], "called": sorted(set(called.values()))}
            Path(folder, f"{uuid.uuid4().hex}.json").write_text(json.dumps(found))

    threading.settrace(trace)
    sys.settrace(trace)
    atexit.register(write)


if "ACTSEARCH_TRACE_TO" in os.environ and Path(*sys.orig_argv[1:2]).name == "actsearch":
    _begin(os.environ["ACTSEARCH_TRACE_TO"])
