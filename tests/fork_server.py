"""Runs commands for clients, each in a process forked from this one, which has imported them.

Names of modules, not their state: nothing is called before a fork. A command whose client has gone
is ended, and so is everything when the process that started the server ends.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.util
import json
import os
import pkgutil
import random
import select
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path

IMPORTED = (
    *("snakemake.cli", "snakemake_executor_plugin_slurm", "rich.tree", "torch", "umap", "sklearn"),
    *("actsearch.cli.app", "actsearch.features.embedding", "actsearch.rehearsal.whole"),
)


def load() -> None:
    """Import what commands import."""
    for name in IMPORTED:
        importlib.import_module(name)
    for room in ("steps", "questions"):
        package = importlib.import_module(f"actsearch.cli.{room}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")


def serve(connection: socket.socket, python: str) -> None:
    """Run one command, which takes ``python`` for its own, and answer with its exit code."""
    head, streams, _, _ = socket.recv_fds(connection, 4, 3)
    told = b""
    while len(told) < int.from_bytes(head, "big"):
        told += connection.recv(1 << 20)
    command, folder, environment = json.loads(told.decode("utf-8", "surrogateescape"))
    job = os.fork()
    if job == 0:
        connection.close()
        os.setsid()
        os._exit(run(command, folder, environment, streams, python))
    for stream in streams:
        os.close(stream)
    ended, gone = os.pidfd_open(job), connection.fileno()
    poll = select.poll()
    poll.register(ended, select.POLLIN)
    poll.register(gone, select.POLLIN)
    if ended not in {number for number, _ in poll.poll()}:
        os.killpg(job, signal.SIGTERM)
    _, status = os.waitpid(job, 0)
    connection.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def run(
    command: list[str], folder: str, environment: dict[str, str], streams: list[int], python: str
) -> int:
    """Be the command, in a process of its own.

    Returns:
        Its exit code.
    """
    # Texts on the old ones hold the places that those had in their files.
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        os.dup2(streams[number], number)
        os.close(streams[number])
        old = getattr(sys, name)
        mode, buffering = ("w", -1 if name == "stdout" else 1) if number else ("r", -1)
        new = open(number, mode, buffering, old.encoding, old.errors, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.executable = python
    sys.argv = command
    sys.orig_argv = [sys.executable, *command]
    random.seed()
    importlib.import_module("numpy").random.seed()
    program = Path(command[0]).name
    _trace()
    code = 1
    try:
        importlib.import_module(
            "snakemake.cli" if program == "snakemake" else "actsearch.cli"
        ).main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _trace() -> None:
    """Do what Python's start does where the tracer is in its search path."""
    place = Path(__file__).parent / "workflow" / "tracer" / "sitecustomize.py"
    spec = importlib.util.spec_from_file_location("tracer", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def main(path: str) -> None:
    """Listen at ``path``, beside which the clients lie, until standard input ends."""
    python = str(Path(path).with_name("python"))
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]
    load()
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen(64)
        os.write(1, b"ready\n")
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        poll.register(0, select.POLLIN)
        while 0 not in {number for number, _ in poll.poll()}:
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                serve(connection, python)
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main(sys.argv[1])
