"""Trials as today's settings and code would make them, without training."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from actsearch.config import parse_config
from actsearch.plan.dependencies import step_code, step_settings
from actsearch.records.digests import settings_digest
from actsearch.records.formats import write_json

SPLIT = {"train": 40000, "validation": 5000, "test": 10000}
CONFIG: dict[str, Any] = {
    "data": {"cifar": {"source": "torchvision:CIFAR10", "split": SPLIT}},
    "spaces": {
        "small": {"schemas": ["three-node"], "include": ["baselines"], "sample": 50},
        "large": {"schemas": ["four-node"], "include": ["baselines"], "sample": 700},
    },
    "tasks": {
        "t": {
            "data": "cifar",
            "model": "all-cnn-c",
            "recipe": {
                "optimizer": "sgd",
                "learning_rate": 0.1,
                "epochs": 10,
                "batch_size": 128,
            },
            "seeds": [0, 1],
            "resources": {"gpu": 1},
            "fisher": {"functions_per_job": 20},
            "benchmark": {"space": "small"},
            "search": {"space": "large", "rounds": 3, "slots": 4},
            "final": {"functions": 2, "seeds": [7, 8, 9]},
        }
    },
}


def identity(step: str, config: dict[str, Any], **wildcards: Any) -> dict[str, Any]:
    """What the record of a step's file says under a configuration."""
    parsed = parse_config(config)
    return {
        "step": step,
        "task": "t",
        "wildcards": wildcards,
        "settings_digest": settings_digest(step_settings(step, parsed, "t", **wildcards)),
        "code_digest": step_code(step, parsed, "t"),
    }


def write_trial(
    path: Path, seconds: float, runs: int, told: dict[str, Any] | None = None, **changes: Any
) -> None:
    """A trial of ``CONFIG``, or of the same with other values in the recipe; it says ``told``."""
    config = copy.deepcopy(CONFIG)
    config["tasks"]["t"]["recipe"] |= changes
    block = identity("train", config) | {"seconds": seconds, "seeds": {"runs": [*range(runs)]}}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, told or {}, block)
