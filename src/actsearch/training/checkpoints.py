"""Checkpoints: a trial that was stopped goes on as if it had not been.

A checkpoint is written at the end of an epoch. It holds all that later epochs depend on: weights,
buffers, the optimizer's state, the random generators of every process, and the results of the
trial's finished runs.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from actsearch.training.distributed import broadcast, gather, is_main, processes, rank


class Checkpoint:
    """The checkpoint of one trial: a file that the main process reads and writes for all.

    Attributes:
        runs: results of the runs that are finished, as the trial lists them.
        seconds: what the trial took before it was stopped.
    """

    def __init__(
        self,
        path: Path,
        identity: Mapping[str, Any],
        minutes: float,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Name the checkpoint; nothing is read or written yet.

        Args:
            path: the file.
            identity: plain data that tell whether a file is of this trial: digests of its settings,
                code and data. The number of processes and the kind of device are added.
            minutes: time from one checkpoint to the next; 0 for one after every epoch.
            say: called with a line for people, in the main process.
        """
        self.runs: list[dict[str, Any]] = []
        self.seconds = 0.0
        self._path = path
        self._identity = dict(identity)
        self._seconds_between = 60 * minutes
        self._say = say
        self._unfinished: dict[str, Any] | None = None
        self._opened = self._written = time.monotonic()

    def open(self, device: torch.device) -> None:
        """Start the clock, and take over what the file holds if it is of this trial."""
        self._identity |= {"processes": processes(), "device": device.type}
        held = broadcast(self._read() if is_main() else None)
        if held is not None:
            self.runs, self.seconds = list(held["runs"]), held["seconds"]
            self._unfinished = held["unfinished"]
        self._opened = self._written = time.monotonic()

    def restore(
        self, model: nn.Module, optimizer: torch.optim.Optimizer, order: torch.Generator
    ) -> int:
        """Put the state of an unfinished run in place, the global generators' too.

        Args:
            model: on its device, as when the run began; so for all.
            optimizer: of the model's parameters.
            order: generator of the order of the examples.

        Returns:
            Number of finished epochs; 0, with nothing changed, where no run was under way.
        """
        held, self._unfinished = self._unfinished, None  # only the first run goes on
        if held is None:
            return 0
        model.load_state_dict(held["model"])
        optimizer.load_state_dict(held["optimizer"])
        generators = held["generators"][rank()]
        torch.set_rng_state(generators["cpu"])
        if "cuda" in generators:
            torch.cuda.set_rng_state(generators["cuda"])
        order.set_state(generators["order"])
        return int(held["epochs"])

    def after_epoch(
        self,
        epochs: int,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        order: torch.Generator,
    ) -> None:
        """Write the file if it is time; ``epochs`` of the run are finished."""
        if not broadcast(time.monotonic() - self._written >= self._seconds_between):
            return
        generators = {"cpu": torch.get_rng_state(), "order": order.get_state()}
        if self._identity["device"] == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state()
        every = gather(generators)
        if is_main():
            unfinished = {
                "epochs": epochs,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "generators": every,
            }
            self._write({"unfinished": unfinished})
        self._written = time.monotonic()

    def remove(self) -> None:
        """Remove the file: the trial is finished."""
        for path in [self._path, *self._path.parent.glob(f"{self._path.name}.*.new")]:
            path.unlink(missing_ok=True)

    def _write(self, state: dict[str, Any]) -> None:
        seconds = self.seconds + time.monotonic() - self._opened
        state |= {"identity": self._identity, "runs": self.runs, "seconds": seconds}
        beside = self._path.with_name(f"{self._path.name}.{uuid.uuid4().hex[:8]}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with beside.open("wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        except (OSError, RuntimeError) as error:  # torch has the latter for a full disk
            beside.unlink(missing_ok=True)
            self._say(f"{self._path}: cannot be written, the training goes on without ({error})")

    def _read(self) -> dict[str, Any] | None:
        if not self._path.exists():
            return None
        try:
            state = torch.load(self._path, map_location="cpu", weights_only=True)
        except Exception as error:  # a damaged file raises whatever its reader stumbles on
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            self._say(f"{self._path}: ignored, it cannot be read ({reason})")
            return None
        if not isinstance(state, dict) or state.get("identity") != self._identity:
            self._say(
                f"{self._path}: ignored, it is of other settings, code, data, processes or device"
            )
            return None
        place = f"epoch {state['unfinished']['epochs']} of run {len(state['runs']) + 1}"
        self._say(f"{self._path}: goes on after {place}")
        return state
