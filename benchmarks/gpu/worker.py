"""A training that begins and ends when its standard input says so; see `benchmarks.gpu.beside`."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any

import torch

from benchmarks.gpu.beside import KEPT
from benchmarks.gpu.training import Training
from benchmarks.made import images
from benchmarks.measuring import Setting, wait


def main() -> None:
    """A line of JSON in, a line out: a network to build, or seconds to train it."""
    asked = json.loads(sys.argv[1])
    setting = Setting(torch.device(asked["device"]), asked["tiny"], 1)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    logging.getLogger("torch").setLevel(logging.ERROR)
    examples = images(64 if setting.tiny else KEPT, setting.device)
    training: Training | None = None
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if "model" in message:
                training = Training.of(message["model"], setting, examples, **message["switches"])
                training.run()  # what is compiled is so now
                training.run()
                wait(setting.device)
                answer: dict[str, Any] = {"ready": True}
            else:
                assert training is not None
                answer = _steps(training, message["seconds"], setting)
        except Exception as error:  # the one that asked writes it down
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def _steps(training: Training, window: float, setting: Setting) -> dict[str, Any]:
    """Steps in ``window`` seconds or a little more, and the seconds."""
    started, steps = time.perf_counter(), 0
    while time.perf_counter() - started < window:
        training.run()
        wait(setting.device)
        steps += training.steps
    return {"steps": steps, "seconds": time.perf_counter() - started}


if __name__ == "__main__":
    main()
