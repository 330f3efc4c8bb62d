"""Which trials count as done: those that a job would keep, and whose sources would be kept too."""

from __future__ import annotations

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trials_of_today import CONFIG, identity

from actsearch.config import Config, parse_config
from actsearch.plan import layout
from actsearch.plan.progress import purpose
from actsearch.plan.standing import Standing
from actsearch.records.embedded import input_digest
from actsearch.records.formats import write_csv, write_json
from actsearch.records.packs import Pack

SLUG = "relu.x"
CHANGES: dict[str, Any] = {
    "settings_digest": "sha256:other",
    "code_digest": "sha256:other",
    "operators": {"mine": "sha256:other"},
    "data": {"mine.npz": "sha256:other"},
}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(tmp_path)
    y = np.arange(60) % 3
    np.savez("mine.npz", x=np.zeros((60, 3), dtype=np.float32), y=y)
    changed = copy.deepcopy(CONFIG)
    changed["data"] = {
        "mine": {"source": "npz:mine.npz", "split": {"train": 30, "validation": 15, "test": 15}}
    }
    changed["tasks"]["t"] |= {"data": "mine", "model": "mlp", "resources": {"gpu": 0}}
    changed["tasks"]["t"]["fisher"] = {"examples": 8}
    return changed


def block_of(config: dict[str, Any]) -> dict[str, Any]:
    known = identity("train", config)
    del known["wildcards"]
    return known | {"data": {"mine.npz": input_digest("mine.npz")}, "item": SLUG}


def standing(config: dict[str, Any]) -> Standing:
    parsed: Config = parse_config(config)
    return Standing(parsed, Path(layout.RESULTS).absolute())


CHANGED = [names for n in (0, 1, 2) for names in itertools.combinations(CHANGES, n)]


@pytest.mark.parametrize("names", CHANGED)
def test_a_trial_counts_where_its_job_would_keep_it(
    config: dict[str, Any], names: tuple[str, ...]
) -> None:
    """The oracle is what the command itself asks before it trains."""
    today = block_of(config)
    path = Path(layout.trial("t", SLUG))
    path.parent.mkdir(parents=True)
    written = today | {name: CHANGES[name] for name in names}
    write_json(path, {"function": "relu(x)", "status": "completed"}, written)
    wanted = {name: today.get(name) for name in (*CHANGES, "item")}
    kept = not Pack({path: SLUG}, wanted).to_do()
    (trial,) = standing(config).trials("t", layout.TRIALS)
    assert trial.is_current == kept == (not names)


def test_one_that_its_job_holds_counts_and_damaged_ones_do_not(config: dict[str, Any]) -> None:
    folder = Path(layout.trials_folder("t"))
    folder.mkdir(parents=True)
    today = block_of(config)
    write_json(folder / "relu.x.json", {}, today | {"code_digest": "sha256:old"})
    (folder / ".relu.x.json.finished").write_text(
        json.dumps({"function": "relu(x)", "provenance": today})
    )
    for name, text in {
        "cut": '{"function": "x", "prov',
        "list": "[1, 2]",
        "bare": '{"function": "x"}',
        "odd": '{"provenance": {"step": ["train"], "wildcards": 3, "inputs": 4}}',
        "text": '{"provenance": "train"}',
    }.items():
        (folder / f"{name}.json").write_text(text)
    found = {Path(t.place).name: t for t in standing(config).trials("t", layout.TRIALS)}
    assert found.pop("relu.x.json").is_current
    assert not any(trial.is_current for trial in found.values())
    assert set(found) <= {"odd.json"}


def test_what_was_made_from_something_stale_is_stale(config: dict[str, Any]) -> None:
    candidates, final = Path(layout.candidates("t")), Path(layout.final_trials("t", [0])[0])
    final.parent.mkdir(parents=True)
    chosen = identity("finalists", config)
    del chosen["wildcards"]

    def write(**changes: Any) -> None:
        write_csv(candidates, pd.DataFrame({"slot": [0], "name": ["relu(x)"]}), chosen | changes)

    write()
    own = block_of(config) | identity("train-final", config)
    del own["wildcards"]
    source = {str(candidates): input_digest(candidates)}
    write_json(final, {"function": "relu(x)"}, own | {"inputs": source})
    look = standing(config)
    assert look.trials("t", layout.FINAL_TRIALS)[0].is_current
    write(settings_digest="sha256:other")
    look.look_again()
    assert not look.trials("t", layout.FINAL_TRIALS)[0].is_current
    candidates.unlink()  # nothing that is to be made needs it
    look.look_again()
    assert look.trials("t", layout.FINAL_TRIALS)[0].is_current


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("results/a/trials/relu.x.json", ("a", "table")),
        ("results/a/search/gp-ei/round-12/03.json", ("a", "search")),
        ("results/a/final/stage-1/03.json", ("a", "stage 1")),
        ("results/a/final/03.json", ("a", "final")),
        ("results/a/fim/part-0.npz", ("a", "fim")),
        ("results/a/search/fim/part-11.npz", ("a", "fim")),
        ("results/a/final.json", None),
        ("results/a/benchmark.json", None),
        ("results/spaces/a/functions.parquet", None),
    ],
)
def test_purposes_of_files(path: str, expected: tuple[str, str] | None) -> None:
    assert purpose(path) == expected
