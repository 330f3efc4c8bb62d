"""What a user can get wrong, end to end: one clear message, before any job starts.

A case for each place where something is refused; all that the package refuses is in
tests/unit/test_refusals.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from experiment import SMALL, Experiment

pytestmark = pytest.mark.workflow

Change = Callable[[dict[str, Any]], Any]


def _imagenet(config: dict[str, Any]) -> None:
    config["data"]["digits"].update(source="torchvision:ImageNet", image_size=32, in_memory=False)


BAD: dict[str, tuple[Change, str]] = {
    "schema": (
        lambda c: c["tasks"]["tiny"].update(recip={}),
        "tasks.tiny.recip: unknown key (did you mean 'recipe'?); allowed: benchmark, checkpoint_m",
    ),
    "operators": (
        lambda c: c.update(operators=["no_such_module"]),
        "cannot import 'no_such_module'",
    ),
    "functions": (
        lambda c: c["spaces"].update(other={"include": ["erff(x)"]}),
        "config.yaml: spaces.other.include: unknown operator 'erff': did you mean erf(x)?",
    ),
    "folds": (
        lambda c: c["surrogate"].update(folds=25),
        "config.yaml: surrogate.folds asks for 25 functions, but space 'small' holds 24",
    ),
    "sizes": (
        lambda c: c["tasks"]["tiny"]["search"].update(rounds=20),
        "config.yaml: tasks.tiny.search asks for 68 functions, but space 'deep' holds 30",
    ),
    "code": (
        lambda c: c["tasks"]["tiny"].update(model="no_such_package.nets:build"),
        "no Python source for module 'no_such_package.nets'",
    ),
    "data": (
        _imagenet,
        "data/ImageNet holds neither ILSVRC2012_devkit_t12.tar.gz nor meta.bin",
    ),
    "network": (
        lambda c: c["tasks"]["tiny"].update(replace={"types": ["SiLU"]}),
        "no activation was replaced: no module matches type 'SiLU'",
    ),
}


@pytest.mark.parametrize("place", BAD)
def test_bad_configuration(place: str, fresh: Experiment) -> None:
    change, expected = BAD[place]
    config = copy.deepcopy(SMALL)
    change(config)
    fresh.configure(config)
    message = fresh.message()
    assert expected in message
    assert "config.yaml" in message
    assert 'File "' not in message and ".smk" not in message, "lines of code are shown"
    checked = fresh.actsearch("check")
    assert checked.returncode == 2
    assert expected in checked.stderr


@pytest.mark.parametrize(
    "target, expected",
    [
        ("results/tinny/benchmark.parquet", "did you mean results/tiny/benchmark.parquet?"),
        (
            "results/tiny/benchmrk.parquet",
            "no rule makes results/tiny/benchmrk.parquet (did you mean "
            "results/tiny/benchmark.parquet?",
        ),
        ("results/tiny/trials/mul.relu.x.json", "bad slug 'mul.relu.x': the tokens end too early"),
        (
            "results/tiny/trials/mul(tanh(x), relu(x)).json",
            "ask for results/tiny/trials/mul.tanh.x.relu.x.json",
        ),
        ("results/tiny/nothing-like-it.svg", "no rule makes results/tiny/nothing-like-it.svg"),
        (
            "results/tiny/simulation/unionknr.parquet",
            "did you mean results/tiny/simulation/union-knr.parquet?",
        ),
        ("repor", "there is no rule, and no file, called repor (did you mean 'report'?)"),
    ],
)
def test_bad_target(target: str, expected: str, fresh: Experiment) -> None:
    message = fresh.message(target)
    assert expected in message
    assert ".smk" not in message and "MissingRule" not in message


TWICE = "\nsurrogate: {folds: 2}\n"


def test_a_key_that_stands_there_twice(fresh: Experiment) -> None:
    path = fresh.folder / "config.yaml"
    lines = path.read_text().splitlines()
    first = lines.index("surrogate:") + 1
    path.write_text(path.read_text() + TWICE)
    expected = f"surrogate: the key is there twice (lines {first} and {len(lines) + 2})"
    assert expected in fresh.message()
    path.rename(fresh.folder / "other.yaml")
    assert expected in fresh.message("--configfile", "other.yaml")


def test_what_snakemake_reads_otherwise(fresh: Experiment) -> None:
    path = fresh.folder / "config.yaml"
    good = path.read_bytes()
    for content, expected in (
        (b"# \xe9\n" + good, "config.yaml, line 1: byte 0xe9 is not UTF-8"),
        (good + b"license: !!python/name:os.system\n", "license: the tag !!python/name:os.system"),
        (good + b"license: 2024-01-01\n", "license: 2024-01-01 is read in two ways"),
        (b"", "config.yaml is empty"),
    ):
        path.write_bytes(content)
        assert expected in fresh.message()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["surrogate={folds: 2, folds: 3}"], "--config surrogate, line 1: folds: the key is there"),
        (["surrogate={folds: 2}", "surrogate={folds: 3}"], "--config gives surrogate.folds twice"),
        (["surrogate={folds: 1e1}"], "surrogate.folds: Input should be a valid integer, got 10.0"),
        (["license=yes"], "--config license, line 1: yes is read in two ways"),
    ],
)
def test_values_of_the_command_line(options: list[str], expected: str, fresh: Experiment) -> None:
    assert expected in fresh.message("--config", *options)


def test_target_of_a_missing_section(fresh: Experiment) -> None:
    config = copy.deepcopy(SMALL)
    del config["tasks"]["tiny"]["search"]
    fresh.configure(config)
    expected = "results/tiny/search/map.parquet: task 'tiny' has no section 'search'"
    assert expected in fresh.message("results/tiny/search/map.parquet")
