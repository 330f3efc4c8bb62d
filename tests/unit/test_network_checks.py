"""Networks tried out before a run: once for each state of settings, code and data."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from actsearch.config import Config, ConfigError, parse_config
from actsearch.plan.network_checks import check_networks, has_network

SPLIT = {"train": 130, "validation": 60, "test": 60}
TASK = {
    "data": "d",
    "model": "digits-cnn",
    "recipe": {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 1, "batch_size": 60},
    "benchmark": {"space": "few"},
}


def configured(source: str, **changes: Any) -> Config:
    """A configuration of one task, in config.yaml too."""
    values = {
        "data": {"d": {"source": source, "split": SPLIT}},
        "spaces": {"few": {"include": ["baselines"]}},
        "tasks": {"tiny": TASK | changes},
    }
    Path("config.yaml").write_text(yaml.safe_dump(values))
    return parse_config(values)


def test_what_was_found_good_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.zeros((250, 1, 8, 8))
    np.savez("d.npz", x=x, y=np.arange(250) % 10)
    runs: list[list[str]] = []
    outcome = {"returncode": 0, "stdout": "", "stderr": ""}

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        runs.append(command)
        return subprocess.CompletedProcess(command, **outcome)  # type: ignore[arg-type]

    monkeypatch.setattr(subprocess, "run", run)

    def count(config: Config) -> int:
        runs.clear()
        check_networks(config, ["tiny"], {}, tmp_path / "seen")
        return len(runs)

    config = configured("npz:d.npz")
    assert [count(config), count(config)] == [1, 0]
    assert runs == []
    assert count(configured("npz:d.npz", replace={"types": ["ReLU"]})) == 1
    np.savez("d.npz", x=x, y=np.arange(250) % 9)
    assert [count(config), count(config)] == [1, 0]

    longer = TASK["recipe"] | {"epochs": 2}
    assert count(configured("npz:d.npz", recipe=longer)) == 0

    other = configured("npz:d.npz", replace={"names": ["layers.*"]})
    outcome |= {"returncode": 2, "stdout": "\ntask tiny\n", "stderr": "a warning\nerror: no good\n"}
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"^tasks\.tiny: no good$"):
            count(other)
    outcome |= {"returncode": 1, "stderr": "Traceback\nKeyError: 3"}
    with pytest.raises(ConfigError, match=r"tasks.tiny: the network cannot be tried out:\n.*\n.*3"):
        count(other)


def test_what_the_check_says_of_images_and_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    x = np.random.default_rng(0).normal(size=(250, 1, 9, 9))
    np.savez("d.npz", x=x, y=np.arange(250) % 10)
    config = configured("npz:d.npz", model="digits-vit")
    told = {"ACTSEARCH_CONFIG": "config.yaml"}
    with pytest.raises(ConfigError, match=r"^tasks.tiny: .*9"):
        check_networks(config, ["tiny"], told, tmp_path / "seen")
    assert not (tmp_path / "seen").exists()


def test_a_task_of_imported_tables_builds_no_network() -> None:
    imported = {"space": "few", "act_bench": "cnn", "published_features": True}
    config = parse_config(
        {
            "data": {"d": {"source": "digits", "split": SPLIT}},
            "spaces": {"few": {"include": ["baselines"]}},
            "tasks": {"own": TASK, "imported": TASK | {"benchmark": imported}},
        }
    )
    assert has_network(config.task("own")) and not has_network(config.task("imported"))
