"""Ends a run that waits for jobs which SLURM no longer has, or for a SLURM that is gone.

The executor plugin forgets its jobs when SLURM answers no query for long enough, and a job that
left the queue unseen is never reported: Snakemake then waits for ever.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Sequence

from actsearch.cluster.queue import QueuedJob

PATIENCE_VARIABLE = "ACTSEARCH_PATIENCE"
_PATIENCE_MINUTES = 20.0
"""Longer than the plugin's pause between two looks, which grows to three minutes."""
ONWARDS = "Nothing that was finished is lost: start the same command again to go on."


class PatienceError(ValueError):
    """A patience that is no number of minutes."""


def patience() -> float:
    """How long a run goes on without progress.

    Returns:
        Seconds after which it ends.

    Raises:
        PatienceError: when ``ACTSEARCH_PATIENCE`` is no number of minutes.
    """
    text = os.environ.get(PATIENCE_VARIABLE, str(_PATIENCE_MINUTES))
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 0 < minutes < math.inf:
        raise PatienceError(
            f"{PATIENCE_VARIABLE} is {text!r}; it takes a number of minutes above 0"
        )
    return 60 * minutes


class Watchdog:
    """Looks after a run: ``check`` is called now and then, and says why the run should end."""

    def __init__(
        self,
        waiting: Callable[[], int],
        queued: Callable[[], Sequence[QueuedJob]],
        patience: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what is asked for at each look.

        Args:
            waiting: the number of SLURM jobs that the run waits for.
            queued: its jobs that SLURM has; whatever it raises counts as no answer.
            patience: seconds without progress to put up with.
            clock: seconds that only rise.
        """
        self._waiting = waiting
        self._queued = queued
        self._patience = patience
        self._clock = clock
        self._since: float | None = None

    def check(self) -> str | None:
        """One look: None, or the reason to end the run."""
        reason = self._trouble()
        if reason is None:
            self._since = None
            return None
        now = self._clock()
        self._since = now if self._since is None else self._since
        return f"{reason} {ONWARDS}" if now - self._since >= self._patience else None

    def _trouble(self) -> str | None:
        minutes = f"for {self._patience / 60:g} minutes"
        try:
            # One job in the queue is enough: a run that ended now would wait for it all the same.
            if not (waiting := self._waiting()) or self._queued():
                return None
        except Exception as error:  # whatever it is, nobody else would notice
            return f"SLURM has given no answer {minutes} ({error})."
        return f"SLURM has had none of the jobs waited for ({waiting}) {minutes}."


def watch(dog: Watchdog, end: Callable[[str], None], every: float) -> None:
    """Call ``dog.check`` every so many seconds, in the background; ``end`` with its reason."""

    def loop() -> None:
        while True:
            time.sleep(every)
            if reason := dog.check():
                return end(reason)

    threading.Thread(target=loop, name="watchdog", daemon=True).start()
