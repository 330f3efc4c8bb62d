"""Trials packed into one table: every file comes back to the byte."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actsearch.benchmark.shipped.packing import (
    COLUMNS,
    PackingError,
    not_of_its_runs,
    pack_trials,
    runs_table,
    trial_texts,
    unpack_trials,
)
from actsearch.records.formats import read_table, write_json, write_table
from actsearch.records.formats.json_files import object_text
from actsearch.records.lineage import read_artifact

SCORES = st.floats(-1e300, 1e300, allow_nan=False)
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
BLOCKS = st.fixed_dictionaries(
    {"step": st.just("train"), "command": TEXTS, "settings": st.dictionaries(TEXTS, SCORES)},
    optional={
        "started": TEXTS,
        "operators": st.dictionaries(TEXTS, TEXTS),
        "seconds": SCORES,
        "item": TEXTS,
        "host": TEXTS,
    },
)
RUNS = st.lists(
    st.fixed_dictionaries(
        {
            "status": st.sampled_from(["completed", "diverged"]),
            "epochs": st.integers(0, 2**40),
            "validation_score": SCORES,
            "validation_loss": st.none() | SCORES,
        }
    ),
    max_size=3,
)


def trial(slug: str, runs: list[dict[str, Any]], block: Mapping[str, Any]) -> dict[str, Any]:
    return {"function": f"{slug}(x)", "slug": slug, "runs": runs, "provenance": dict(block)}


@given(st.dictionaries(st.from_regex(r"[a-z.]{1,9}", fullmatch=True), st.tuples(RUNS, BLOCKS)))
def test_files_come_back_to_the_byte(given_trials: dict[str, Any]) -> None:
    texts = {slug: object_text(trial(slug, *parts)) for slug, parts in given_trials.items()}
    packed = pack_trials(texts.values())
    assert packed["slug"].tolist() == sorted(texts)
    again = [object_text(found) for found in unpack_trials(packed)]
    assert again == [texts[slug] for slug in sorted(texts)]
    assert dict(trial_texts(packed)) == texts


def test_seals_hold_after_a_file_of_packed_trials(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for slug, score in (("relu.x", 0.1), ("elu.x", 1 / 3)):
        content = trial(slug, [{"seed": 0, "validation_score": score}], {})
        del content["provenance"]
        block = {"step": "train", "command": "train relu.x elu.x", "item": slug}
        write_json(f"{slug}.json", content, block)
    written = {path.name: path.read_text() for path in tmp_path.glob("*.json")}
    write_table("trials.parquet", pack_trials(written.values()), {"step": "ship"})
    for path in tmp_path.glob("*.json"):
        path.unlink()
    for found in unpack_trials(read_table("trials.parquet")):
        name = f"{found['slug']}.json"
        Path(name).write_text(object_text(found))
        assert Path(name).read_text() == written[name]
        assert read_artifact(name).problem is None


def test_what_jobs_say_alike_is_held_once(tmp_path: Path) -> None:
    job = {"step": "train", "modules": {f"module{i}": f"{i:064x}" for i in range(300)}}
    size = {}
    for n in (1, 200):
        texts = [object_text(trial(f"f{i}", [], {**job, "item": f"f{i}"})) for i in range(n)]
        write_table(tmp_path / "t.parquet", pack_trials(texts), {"step": "ship"})
        size[n] = (tmp_path / "t.parquet").stat().st_size
    assert len(texts[0]) > 20_000
    assert (size[200] - size[1]) / 199 < 200


def test_another_layout_is_refused() -> None:
    text = json.dumps(trial("relu.x", [], {"step": "train"}))
    with pytest.raises(PackingError, match=r"relu\.x: its file would not come back"):
        pack_trials([text])


def test_a_function_that_comes_twice_is_refused() -> None:
    texts = [object_text(trial("relu.x", [], {"step": step})) for step in ("train", "other")]
    with pytest.raises(PackingError, match=r"relu\.x: appears twice"):
        pack_trials(texts)


def test_damaged_rows_are_named() -> None:
    packed = pack_trials([object_text(trial("relu.x", [], {"step": "train", "item": "i"}))])
    for reader in (unpack_trials, trial_texts):
        with pytest.raises(PackingError, match="columns are missing: job"):
            list(reader(packed.drop(columns="job")))
    for column in ("trial", "provenance", "job"):
        for value in ("{", "[]", None):
            for reader in (unpack_trials, trial_texts):
                with pytest.raises(PackingError, match=r"relu\.x: is not a packed trial"):
                    list(reader(packed.assign(**{column: value})))
    assert list(packed.columns) == list(COLUMNS)


def test_runs_are_a_row_a_function_and_seed() -> None:
    def run(seed: int, score: float, loss: float | None) -> dict[str, Any]:
        status = "diverged" if loss is None else "completed"
        numbers = {"validation_score": score, "validation_loss": loss}
        return {"seed": seed, "status": status, "epochs": 2, **numbers}

    trials = [
        trial("tanh", [run(1, 0.5, 2.0), run(0, 0.25, None)], {}),
        trial("elu", [run(0, 0.125, None), run(1, 1.0, None)], {}),
    ]
    expected = pd.DataFrame(
        {
            "name": ["elu(x)", "elu(x)", "tanh(x)", "tanh(x)"],
            "slug": ["elu", "elu", "tanh", "tanh"],
            "seed": [0, 1, 0, 1],
            "status": ["diverged", "diverged", "diverged", "completed"],
            "epochs": [2] * 4,
            "validation_score": [0.125, 1.0, 0.25, 0.5],
            "validation_loss": [None, None, None, 2.0],
        }
    ).astype({"validation_loss": "float64"})
    pd.testing.assert_frame_equal(runs_table(trials), expected)
    # Of functions that all diverged, losses are numbers too.
    assert runs_table(trials[1:])["validation_loss"].dtype == "float64"


def test_what_runs_do_not_give_is_named() -> None:
    from test_benchmark import TRIALS

    for known in TRIALS:
        assert not_of_its_runs(known) == []
        for key in ("status", "train_score", "validation_score", "train_loss", "validation_loss"):
            assert not_of_its_runs({**known, key: 0.123}) == [key]
            assert not_of_its_runs({k: v for k, v in known.items() if k != key}) == [key]
