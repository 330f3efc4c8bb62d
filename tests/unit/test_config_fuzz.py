"""Anything in any place of a configuration: it is used, or refused with one sentence."""

from __future__ import annotations

import copy
import datetime
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from small_experiment import SMALL

from actsearch.config import Config, ConfigError, load_config
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_plan
from actsearch.plan.steps import STEPS
from actsearch.records.digests import canonical_json

EXAMPLES = int(os.environ.get("ACTSEARCH_FUZZ", "300"))
FULL = copy.deepcopy(SMALL)
FULL["license"] = "CC-BY-4.0"
FULL["data_folder"] = "data"
FULL["operators"] = []
FULL["baselines"] = ["relu(x)", "tanh(x)", "swish(x)"]
FULL["tasks"]["tiny"] |= {
    "model_options": {"width": 8},
    "deterministic": True,
    "checkpoint_minutes": 10,
    "replace": {"types": ["ReLU"], "names": ["*"]},
    "resources": {"processes": 1, "nodes": 1, "gpu": 0, "threads": 1, "mem_mb": 2000},
}
FULL["tasks"]["tiny"]["recipe"] |= {
    "momentum": 0.9,
    "schedule": "step",
    "milestones": [0.5],
    "warmup_epochs": 0.5,
    "label_smoothing": 0.1,
    "gradient_clip": 1.0,
    "augmentation": {"flip": True, "resized_crop": [0.5, 1.0]},
    "precision": "float32",
    "compile": "none",
}
FULL["tasks"]["tiny"]["fisher"] |= {"log_range": [-100, 100], "kind": "true"}
FULL["tasks"]["tiny"]["benchmark"]["act_bench"] = None
FULL["tasks"]["tiny"]["final"] |= {
    "baselines": 2,
    "stages": [
        {"functions": 3, "seeds": [20]},
        {"functions": 2, "baselines": 2, "seeds": [21], "recipe": {"epochs": 2}},
    ],
}


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*path, key))


PLACES = list(_places(FULL))
WORDS = (
    "", " ", "a b:c", "..:x", "é:x", "class:x", "a:class", "a:b:c", ":x", "x:", "npz:", "npz: ",
    "npz:a{b}.npz", "npz:a\nb", "folder:{x}", "npz:" + "a/" * 3000, "npz:" + "a" * 300, "timm:load",
    "timm:a b", "torchvision:../x", "folder:build", "npz:load", "os:system", "no_such:build", "-x",
    "a\0b", "\ud800", "\u2028", "x" * 300, "digits", "digits-cnn", "tiny", "union-knr", "random",
    "relu(x)", "exp(" * 5000 + "x" + ")" * 5000, "baselines", "three-node", "unary(unary(x))",
    "modern", "literature",
    "NaN", "1e-3", "0", "true", "null", "~", "a/../b", "../x", "results", "spaces", "con",
    "$(touch x)",
    "a'b\"c", "é", "名", "x" * 70, "a--b", "a__b", "aux", "small", "deep", "cnn", "1", "yes",
    "1:30",
)  # fmt: skip
PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-5, 300)
    | st.sampled_from([10**400, -(10**400), 2**31, 2**32, 2**63, 2**64, -(2**63) - 1, 10**4200])
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(WORDS)
    | st.binary(max_size=4)
    | st.dates()
    | st.datetimes()
)
ANYTHING = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(PLAIN, inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.sets(st.integers() | st.text(max_size=5), max_size=3)
        | st.tuples(inner)
    ),
    max_leaves=8,
)


def _with(place: tuple[Any, ...], value: Any, as_key: bool) -> Any:
    if not place:
        return value
    whole = copy.deepcopy(FULL)
    inner: Any = whole
    for key in place[:-1]:
        inner = inner[key]
    if as_key and isinstance(inner, dict) and isinstance(value, int | str | float | None):
        inner[value] = inner.pop(place[-1])
    else:
        inner[place[-1]] = value
    return whole


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A working folder; what tests import from it is no matter here."""
    folder = tmp_path_factory.mktemp("fuzz")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "path", list(sys.path))
        yield folder


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(place=st.sampled_from(PLACES), value=ANYTHING, as_key=st.booleans())
@example(place=("tasks", "tiny", "model"), value="é:x", as_key=False)
@example(place=("tasks", "tiny", "model_options"), value={"clip": float("inf")}, as_key=False)
@example(
    place=("tasks", "tiny", "model_options"), value={"day": datetime.date(2024, 1, 1)}, as_key=False
)
@example(place=("tasks", "tiny", "model_options", "width"), value={"a"}, as_key=False)
@example(place=("tasks", "tiny", "seeds", 0), value=10**4200, as_key=False)
def test_any_value_in_any_place_is_used_or_refused(
    place: tuple[Any, ...], value: Any, as_key: bool, folder: Path
) -> None:
    path = folder / "config.yaml"
    path.write_text(yaml.dump(_with(place, value, as_key)))
    try:
        config = load_config(path)
    except ConfigError as error:
        assert 0 < len(str(error)) < 5000
        str(error).encode()
        return
    _use(config)


def _use(config: Config) -> None:
    """What the Snakefile does with it; where it refuses, it does so by an error of the package."""
    try:
        plan = Plan(config)
        check_plan(plan, look_into_files=True)
    except ValueError as error:
        assert type(error).__module__.startswith("actsearch."), repr(error)
        str(error).encode()
        assert len(str(error)) < 5000
        return
    for task in config.tasks:
        for step in ("train", "map", "fim"):
            assert plan.settings(step, task).startswith("sha256:")
    for task in plan.staged:
        for stage in range(len(plan.final(task).stages)):
            assert plan.stage_trials(task, stage) and plan.ranked_trials(task, stage)
            for step in ("stage", "train-stage"):
                assert plan.settings(step, task, stage=stage).startswith("sha256:")
    assert plan.settings("report") and plan.settings("crate")
    assert {"report", "crate", "train", "map", "fim"} <= set(STEPS)
    canonical_json(config.model_dump(mode="json"))
    assert plan.options(plan.report_files())
