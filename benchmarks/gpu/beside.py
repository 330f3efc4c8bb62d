"""Whether trainings side by side on one GPU pay: processes, and streams of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import IO, Any

import torch

from benchmarks.gpu.training import FAST, Training, models
from benchmarks.machine import ROOT
from benchmarks.made import images
from benchmarks.measuring import Row, Setting, wait

KEPT = 8_192
"""Images that each of them trains on."""
WINDOW = 10.0
"""Seconds."""
PATIENCE = 150.0
"""Seconds until a process has to be ready."""
WAYS: dict[str, dict[str, Any]] = {
    "eager": FAST,
    "the paper's recipe": {**FAST, "compile": "activations"},
}


def rows(setting: Setting) -> Iterator[Row]:
    """Both networks, each alone and beside others."""
    yield from in_processes(setting)
    yield from in_streams(setting)


class Worker:
    """A process that trains when it is told to."""

    def __init__(self, setting: Setting) -> None:
        asked = {"device": setting.device.type, "tiny": setting.tiny}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "benchmarks.gpu.worker", json.dumps(asked)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip

    def tell(self, **message: Any) -> None:
        """Have it do something."""
        self._of(self._process.stdin).write(json.dumps(message) + "\n")
        self._of(self._process.stdin).flush()

    def answer(self) -> dict[str, Any]:
        """What it says when it is done; it is ended when it takes too long."""
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        try:
            said = self._of(self._process.stdout).readline()
        finally:
            timer.cancel()
        if not said:
            raise RuntimeError("a process beside the others ended early")
        found: dict[str, Any] = json.loads(said)
        if "error" in found:
            raise RuntimeError(found["error"])
        return found

    def end(self) -> None:
        """Stop it."""
        self._of(self._process.stdin).close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @staticmethod
    def _of(stream: IO[str] | None) -> IO[str]:
        assert stream is not None
        return stream


def in_processes(setting: Setting) -> Iterator[Row]:
    """One, two and three processes at once; throughput is the sum over them."""
    most = 2 if setting.tiny else 3
    window = 0.2 if setting.tiny else WINDOW
    workers = [Worker(setting) for _ in range(most)]
    try:
        for model in models(setting):
            for way, switches in [*WAYS.items()][: 1 if setting.tiny else None]:
                for worker in workers:  # one after the other: what is compiled is found on disk
                    worker.tell(model=model, switches=switches)
                    worker.answer()
                rates = {n: _together(workers[:n], window, setting) for n in range(1, most + 1)}
                for n in range(2, most + 1):
                    yield _row(f"{n} processes, {model}, {way}", n, rates[n], rates[1])
    finally:
        for worker in workers:
            worker.end()


def _together(workers: Sequence[Worker], window: float, setting: Setting) -> float:
    """Steps a second of all, the better of two windows."""
    found = []
    for _ in range(setting.turns(2)):
        for worker in workers:
            worker.tell(seconds=window)
        answers = [worker.answer() for worker in workers]
        # Those that end first leave the others alone for the rest: the longest time is that of all.
        longest = max(float(answer["seconds"]) for answer in answers)
        found.append(sum(int(answer["steps"]) for answer in answers) / longest)
    return max(found)


def in_streams(setting: Setting) -> Iterator[Row]:
    """Two trainings in threads of this process, each in a stream of its own."""
    window = 0.2 if setting.tiny else WINDOW
    for model in models(setting):
        examples = images(64 if setting.tiny else KEPT, setting.device)
        trainings = [Training.of(model, setting, examples, **FAST) for _ in range(2)]
        for training in trainings:
            training.run()
        alone = max(_threads(trainings[:1], window, setting) for _ in range(setting.turns(2)))
        both = max(_threads(trainings, window, setting) for _ in range(setting.turns(2)))
        yield _row(f"2 streams of one process, {model}, eager", 2, both, alone)


def _threads(trainings: Sequence[Training], window: float, setting: Setting) -> float:
    """Steps a second of all trainings, a thread and a stream each."""
    counts = [0] * len(trainings)
    faults: list[BaseException] = []
    wait(setting.device)
    started = time.perf_counter()

    def train(place: int) -> None:
        try:
            while time.perf_counter() - started < window:
                if setting.device.type == "cuda":
                    with torch.cuda.stream(torch.cuda.Stream()):  # type: ignore[no-untyped-call]
                        trainings[place].run()
                        torch.cuda.current_stream().synchronize()
                else:
                    trainings[place].run()
                counts[place] += trainings[place].steps
        except Exception as error:
            faults.append(error)

    if setting.device.type == "cpu":  # settings of the process are no thread's own
        for place in range(len(trainings)):
            train(place)
    else:
        threads = [threading.Thread(target=train, args=(k,)) for k in range(len(trainings))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if faults:
        raise faults[0]
    wait(setting.device)
    return sum(counts) / (time.perf_counter() - started)


def _row(name: str, n: int, together: float, alone: float) -> Row:
    return Row(
        f"side by side: {name}",
        together,
        alone,
        "one alone",
        together / alone,
        "times as many",
        unit="steps/s",
        goal="pays: over 1.1 times the throughput",
        met=together / alone > 1.1,
        more={"at_once": n},
    )
