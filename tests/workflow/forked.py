"""Commands in processes forked from one that has imported them: half of a start is imports.

Each has a folder, an environment and streams of its own, as if it had been started by itself. What
it starts in its turn, jobs above all, is started as ever.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

BIN = Path(sys.executable).parent
_SERVER = multiprocessing.get_context("forkserver")
_SERVER.set_forkserver_preload(
    ["snakemake.cli", "snakemake_executor_plugin_slurm", "rich.tree", "actsearch.cli.questions.why"]
)
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
    command, environment = [str(BIN / program), *arguments], _environment()
    if environment.get("PYTHONPATH") != _SOURCES:
        return start(program, *arguments, folder=folder, together=together)
    with tempfile.TemporaryDirectory() as scratch:
        streams = [Path(scratch) / name for name in ("out", "out" if together else "err")]
        process = _SERVER.Process(target=_run, args=(command, folder, environment, streams))
        process.start()
        process.join()
        assert process.exitcode is not None
        out, err = (path.read_text() for path in streams)
        return Done(command, process.exitcode, out, "" if together else err)


def start(program: str, *arguments: str, folder: Path, together: bool = False) -> Done:
    """The same in a new process."""
    return subprocess.run(
        [str(BIN / program), *arguments],
        cwd=folder,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if together else subprocess.PIPE,
        text=True,
        check=False,
    )


def _environment() -> dict[str, str]:
    return os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "COLUMNS": "200"}


def _run(
    command: list[str], folder: Path, environment: Mapping[str, str], streams: list[Path]
) -> None:
    for number, path in enumerate(streams, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), number)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = command
    try:
        _main(Path(command[0]).name)()
    finally:
        atexit._run_exitfuncs()  # a child of multiprocessing leaves them out


def _main(program: str) -> Callable[[], None]:
    if program == "snakemake":
        from snakemake.cli import main
    else:
        from actsearch.cli import main
    return main
