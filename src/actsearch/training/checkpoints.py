"""Checkpoints: a trial that was stopped goes on as if it had not been.

A checkpoint is written at the end of an epoch. It holds all that later epochs depend on: weights,
buffers, the optimizer's state, the random generators of every process, and the results of the
trial's finished runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import torch
from torch import nn

from actsearch.records.checkpoints import CheckpointFile
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
        self._file = CheckpointFile(
            path,
            identity,
            60 * minutes,
            say,
            work="the training",
            kin="settings, code, data, processes or device",
        )
        self._device = torch.device("cpu")
        self._unfinished: dict[str, Any] | None = None
        self._opened = time.monotonic()

    def open(self, device: torch.device) -> None:
        """Start the clock, and take over what the file holds if it is of this trial."""
        self._device = device
        self._file.belong_to(processes=processes(), device=device.type)
        held = broadcast(self._read() if is_main() else None)
        if held is not None:
            self.runs, self.seconds = list(held["runs"]), held["seconds"]
            self._unfinished = held["unfinished"]
        self._opened = time.monotonic()

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
        if not broadcast(self._file.is_due()):
            return
        generators = {"cpu": torch.get_rng_state(), "order": order.get_state()}
        if self._device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state()
        every = gather(generators)
        if is_main():
            unfinished = {
                "epochs": epochs,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "generators": every,
            }
            self._write(unfinished)

    def remove(self) -> None:
        """Remove the file: the trial is finished."""
        self._file.remove()

    def _write(self, unfinished: dict[str, Any]) -> None:
        state = {
            "identity": self._file.stamp,
            "runs": self.runs,
            "seconds": self.seconds + time.monotonic() - self._opened,
            "unfinished": unfinished,
        }

        def save(file: BinaryIO) -> None:
            torch.save(state, file)

        self._file.write(save)

    def _read(self) -> dict[str, Any] | None:
        state = self._file.read(_load)
        if state is not None:
            run = len(state["runs"]) + 1
            self._file.tell(f"goes on after epoch {state['unfinished']['epochs']} of run {run}")
        return state


def _load(path: Path) -> tuple[str, dict[str, Any]]:
    state = torch.load(path, map_location="cpu", weights_only=True)
    return state["identity"], state
