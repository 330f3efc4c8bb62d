"""Commands in processes forked from one that has imported them: most of a start is imports.

Each has a folder, an environment and streams of its own, as if it had been started by itself. So
have the jobs of a Snakemake that is run so: the ``actsearch`` that it finds is a client of the same
server.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from fork_client import ask

BIN = Path(sys.executable).parent
HERE = Path(__file__).parent
_SOURCES = os.environ.get("PYTHONPATH")

Done = subprocess.CompletedProcess[str]


def fork(program: str, *arguments: str, folder: Path, together: bool = False) -> Done:
    """Run ``snakemake`` or ``actsearch`` in a folder.

    Where a test has set PYTHONPATH it is started instead, since it is to find other sources.

    Args:
        program: its name.
        arguments: what follows it on the command line.
        folder: where it runs.
        together: whether standard output takes in standard error, which is apart otherwise.
    """
    if os.environ.get("PYTHONPATH") != _SOURCES:
        return start(program, *arguments, folder=folder, together=together)
    command = [str(BIN / program), *arguments]
    environment = os.environ | _environment()
    if program == "snakemake":  # which puts the folder of its Python before all others
        environment["FORKED_PYTHON"] = str(_clients() / "python")
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
    ):
        streams = [nothing.fileno(), out.fileno(), (out if together else err).fileno()]
        code = ask(_server(), command, folder, environment, streams)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
    return Done(command, code, *texts)


def start(program: str, *arguments: str, folder: Path, together: bool = False) -> Done:
    """The same in a new process, and so its jobs."""
    return subprocess.run(
        [str(BIN / program), *arguments],
        cwd=folder,
        env=os.environ | _environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
        text=True,
        check=False,
    )


def _environment() -> dict[str, str]:
    return {"PATH": f"{BIN}:{os.environ['PATH']}", "COLUMNS": "200"}


@functools.cache
def _scratch() -> Path:
    folder = tempfile.mkdtemp(prefix="forked-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@functools.cache
def _clients() -> Path:
    """A folder with an ``actsearch`` that asks the server, and Python beside it."""
    folder = _scratch()
    asks = f"main({_server()!r}, {str(BIN / 'actsearch')!r}, {_SOURCES!r})"
    programs = {
        "actsearch": f"#!{sys.executable} -SI\n{(HERE / 'fork_client.py').read_text()}\n\n{asks}\n",
        "python": f'#!/bin/sh\nexec {sys.executable} "$@"\n',
    }
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return folder


@functools.cache
def _server() -> str:
    """The server's socket; it ends with this process."""
    path = str(_scratch() / "socket")
    command = [sys.executable, str(HERE / "fork_server.py"), path]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    atexit.register(process.kill)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return path
