"""A small experiment of the real kind: its configuration."""

from __future__ import annotations

from typing import Any

RECIPE = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 1, "batch_size": 64}
SMALL: dict[str, Any] = {
    "data": {
        "digits": {
            "source": "digits",
            "split": {"train": 200, "validation": 200, "test": 200, "seed": 0},
        }
    },
    "spaces": {
        "small": {"schemas": ["three-node"], "include": ["baselines"], "sample": 24, "seed": 1},
        "deep": {"schemas": ["four-node"], "sample": 30, "seed": 1, "finite_only": True},
    },
    "tasks": {
        "tiny": {
            "data": "digits",
            "model": "digits-cnn",
            "recipe": RECIPE,
            "seeds": [0, 1],
            "functions_per_job": 9,
            "fisher": {"examples": 8, "minimum_bins": 20, "functions_per_job": 16},
            "map": {"outputs_neighbors": 5},
            "benchmark": {"space": "small"},
            "search": {
                "space": "deep",
                "strategies": ["union-knr"],
                "rounds": 2,
                "slots": 3,
                "functions_per_job": 4,
            },
            "final": {"functions": 2, "seeds": [7, 8], "functions_per_job": 5},
        }
    },
    "surrogate": {"folds": 3, "repeats": 2, "draws": 2},
    "simulation": {"strategies": ["random", "union-knr"], "runs": 3, "evaluations": 12},
}
