"""Commands in processes forked from one that has imported them: most of a start is imports.

Each has a folder, an environment and streams of its own, as if it had been started by itself. So
has what it starts in turn, by name or as a module: jobs, rehearsals, questions to Snakemake.
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
    server = _server()
    clients()  # which commands start in turn
    with (
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
        Path(os.devnull).open("rb") as nothing,
    ):
        streams = [nothing.fileno(), out.fileno(), (out if together else err).fileno()]
        code = ask(server, command, folder, os.environ | _environment(), streams)
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
def clients() -> Path:
    """A folder with ``snakemake`` and ``actsearch`` that ask the server, and with Python.

    Snakemake puts the folder of its Python before all others; and it starts Python anew for both.
    """
    folder = _scratch()
    source = (HERE / "fork_client.py").read_text()
    for name in ("snakemake", "actsearch"):
        asks = f"main({_server()!r}, {str(BIN / name)!r}, {_SOURCES!r})"
        _program(folder / name, f"#!{sys.executable} -SI\n{source}\n\n{asks}\n")
    _program(
        folder / "python",
        f"""#!/bin/sh
case "$1 $2" in
    "-m snakemake") shift 2; exec {folder}/snakemake "$@" ;;
    "-m actsearch.cli") shift 2; exec {folder}/actsearch "$@" ;;
esac
exec {sys.executable} "$@"
""",
    )
    return folder


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


@functools.cache
def _server() -> str:
    """The server's socket; it ends with this process."""
    path = str(_scratch() / "socket")
    command = [sys.executable, str(HERE / "fork_server.py"), path]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/")
    atexit.register(process.kill)
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    return path
