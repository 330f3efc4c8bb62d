"""Results that were brought from elsewhere, without Snakemake's records of them.

Snakemake notes in its hidden folder with which parameters it made a file. In a fresh clone with
copied results it knows nothing, and goes by the time of the copying: it would make some files again
for no reason, and keep others that another configuration made. The files themselves know better:
``actsearch adopt`` compares them with the present and has Snakemake note them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from actsearch.plan import layout
from actsearch.plan.internals import NOTES


class AdoptionError(ValueError):
    """Results that are not what this workflow would make; the message names them."""


def brought_here(folder: Path) -> bool:
    """Whether there are results in ``folder``, and Snakemake has never made one there."""
    results = (path for path in (folder / layout.RESULTS).rglob("[!.]*") if path.is_file())
    known = (any((folder / place).rglob("*")) for place in NOTES)
    return any(results) and not any(known)


def adopt(folder: Path, asked: Mapping[str, str], say: Callable[[str], None]) -> None:
    """Have results that were brought to ``folder`` noted; nothing where Snakemake has records.

    Args:
        folder: of the experiment, the working folder.
        asked: what the environment tells the command: configuration and Snakefile.
        say: takes what is to be told.

    Raises:
        AdoptionError: when files are not what this workflow would make; it names them.
    """
    if not brought_here(folder):
        return
    done = subprocess.run(
        [sys.executable, "-m", "actsearch.cli", "adopt"],
        cwd=folder,
        env=os.environ | dict(asked),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AdoptionError(done.stderr.strip().removeprefix("error: ") or "actsearch adopt failed")
    say(done.stdout.strip())
