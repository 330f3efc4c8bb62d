"""The configuration: what is accepted, and the one message for what is not."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from actsearch import config
from actsearch.config import Config, ConfigError, load_config, parse_config
from actsearch.data.loading import data_shape
from actsearch.functions.baselines import SETS
from actsearch.search.strategies import strategy_names
from actsearch.search.surrogates import N_NEIGHBORS

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config.yaml").read_text())
TASK = "digits-resnet"


def _broken(change: Callable[[dict[str, Any]], Any]) -> str:
    """The message for the default configuration after ``change``."""
    values = copy.deepcopy(DEFAULT)
    change(values)
    with pytest.raises(ConfigError) as error:
        parse_config(values)
    return str(error.value)


def test_the_default_experiment_is_valid() -> None:
    assert TASK in load_config(ROOT / "config.yaml").tasks


def test_unknown_key_names_place_and_allowed_keys() -> None:
    message = _broken(lambda c: c["tasks"][TASK]["recipe"].update(learning_rat=0.1))
    assert f"tasks.{TASK}.recipe.learning_rat: unknown key" in message
    assert "learning_rate" in message and "batch_size" in message


def test_unknown_key_at_the_top() -> None:
    message = _broken(lambda c: c.update(task={}))
    assert "task: unknown key (did you mean 'tasks'?); allowed: " in message and "tasks" in message


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda t: t.update(data="digit"), "unknown 'digit' (did you mean 'digits'?)"),
        (lambda t: t["benchmark"].update(space="nope"), "benchmark.space: unknown 'nope'"),
        (lambda t: t["search"].update(strategies=["union-kn"]), "did you mean 'union-knr'?"),
        (lambda t: t["recipe"].update(epochs=0), "got 0"),
        (lambda t: t["recipe"].update(optimizer="adam"), "got 'adam'"),
        (lambda t: t.update(seeds=[1, 1]), "a seed appears twice in [1, 1]"),
        (lambda t: t["final"].update(seeds=[0, 100]), "final.seeds must be new: [0]"),
        (lambda t: t["final"].update(seeds=[100]), "at least two seeds, got [100]"),
        (
            lambda t: t["final"].update(candidates_from=["a"], fit_on="train-and-validation"),
            "among functions of other tasks; allowed with candidates_from: train",
        ),
        (lambda t: t["final"].update(candidates_from=["a", "a"]), "a task appears twice in ['a',"),
        (lambda t: t.update(model="digits-cn"), "unknown 'digits-cn' (did you mean 'digits-cnn'?)"),
        (lambda t: t.pop("model"), "model: this key is missing"),
        (lambda t: t["fisher"].update(examples=9999), "fisher.examples is 9999, but data"),
        (
            lambda t: t.update(resources={"processes": 4, "gpu": 2}),
            "resources: gpu is 2 with processes 4; allowed: 0, or one for each process",
        ),
        (
            lambda t: t.update(resources={"processes": 4, "nodes": 3}),
            "resources: 4 processes cannot be spread evenly over 3 nodes",
        ),
        (
            lambda t: t.update(
                resources={"processes": 64}, recipe={**t["recipe"], "batch_size": 63}
            ),
            "recipe.batch_size is 63, but resources.processes is 64",
        ),
        (
            lambda t: t.update(
                resources={"processes": 9999}, recipe={**t["recipe"], "batch_size": 9999}
            ),
            "resources.processes is 9999, but data 'digits' has",
        ),
        (lambda t: t.update(checkpoint_minutes=-1), "got -1"),
    ],
)
def test_a_bad_value_is_named(change: Callable[[dict[str, Any]], Any], expected: str) -> None:
    assert expected in _broken(lambda c: change(c["tasks"][TASK]))


def test_an_unknown_data_source_is_named() -> None:
    message = _broken(lambda c: c["data"]["digits"].update(source="digit"))
    assert (
        "data.digits.source: unknown 'digit' (did you mean 'digits'?); allowed: digits, mnist1d, "
        in message
    )


@pytest.mark.parametrize("name", ["spaces", "Workflow", "digits_resnet", "Digits-ResNet"])
def test_a_task_name_that_clashes_is_refused(name: str) -> None:
    message = _broken(lambda c: c["tasks"].update({name: c["tasks"][TASK]}))
    assert f"the name {name!r} clashes with" in message


def test_spaces_that_some_file_systems_do_not_tell_apart_are_refused() -> None:
    def add(config: dict[str, Any]) -> None:
        name = next(iter(config["spaces"]))
        config["spaces"][name.upper()] = config["spaces"][name]

    assert "clashes with space" in _broken(add)


def test_an_empty_space_is_refused() -> None:
    assert "the space is empty" in _broken(lambda c: c["spaces"].update(empty={}))


def test_several_mistakes_are_named_together() -> None:
    def change(values: dict[str, Any]) -> None:
        values["tasks"][TASK]["recipe"]["epochs"] = -1
        values["tasks"][TASK]["colour"] = "red"

    message = _broken(change)
    assert "epochs" in message and "colour" in message


def test_of_a_list_with_a_wrong_item_the_item_alone_is_named() -> None:
    told = _broken(lambda c: c["tasks"][TASK].update(seeds=[-1]))
    assert told.splitlines()[1:] == [
        f"tasks.{TASK}.seeds[0]: Input should be greater than or equal to 0, got -1"
    ]


def test_unknown_task_lists_the_known() -> None:
    told = r"unknown 'digits-resne' \(did you mean 'digits-resnet'\?\)"
    with pytest.raises(ConfigError, match=told):
        load_config(ROOT / "config.yaml").task("digits-resne")


def test_missing_and_malformed_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no configuration at"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("a: [1")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load_config(tmp_path / "bad.yaml")
    (tmp_path / "list.yaml").write_text("- 1")
    with pytest.raises(ConfigError, match="expected a mapping"):
        load_config(tmp_path / "list.yaml")


def test_schema_file_agrees_with_the_models() -> None:
    stored = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())
    assert stored == Config.model_json_schema(), "run `make schema`"


def test_every_key_is_described() -> None:
    schema = Config.model_json_schema()
    for name, model in {**schema["$defs"], "Config": schema}.items():
        for key, value in model["properties"].items():
            assert value.get("description"), f"{name}.{key}"


def test_constants_agree_with_the_rooms() -> None:
    for name, place in config.BUILT_IN_MODELS.items():
        module, _, builder = place.partition(":")
        assert callable(getattr(importlib.import_module(module), builder)), name
    for name in config.BUILT_IN_DATA:
        split = config.Split(train=20, validation=20, test=20)
        assert data_shape(config.Data(source=name, split=split)).n_outputs
    assert set(SETS) == set(config.BASELINE_SETS)
    assert config.FEWEST_TO_PREDICT == N_NEIGHBORS
    assert sorted(strategy_names()) == sorted(config.STRATEGIES)


@pytest.mark.parametrize(
    "name",
    [
        "a b:c",
        "..:x",
        "é:x",
        "a:é",
        "class:x",
        "a.class:x",
        "a:class",
        "a:b:c",
        "a:b.c",
        ":x",
        "a:",
        "a..b:x",
        ".a:x",
        "1a:x",
        "a-b:x",
        "a/b:x",
        "x" * 300 + ":x",
        "timm:",
        "timm:a b",
        "torchvision:../x",
        "folder:build",
        "npz:build",
        "",
    ],
)
def test_a_model_is_named_by_what_can_be_imported(name: str) -> None:
    assert "; allowed: digits-cnn, " in _broken(lambda c: c["tasks"][TASK].update(model=name))


@pytest.mark.parametrize("name", ["my_lab.nets:build", "_a:_b", "timm:vit_tiny.augreg_in21k"])
def test_a_model_of_ones_own(name: str) -> None:
    values = copy.deepcopy(DEFAULT)
    values["tasks"][TASK]["model"] = name
    assert parse_config(values).tasks[TASK].model == name


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("npz:", "allowed: digits, mnist1d, "),
        ("npz: ", "a path is empty"),
        ("npz:a{b}.npz", "holds '{', which Snakemake cannot take"),
        ("folder:a\nb", "holds '\\n'"),
        ("npz:" + "a" * 256, "is too long; allowed: 1,000 bytes, 255 in each part"),
        ("npz:" + "é/" * 600, "is too long"),
        ("timm:load", "unknown 'timm:load'"),
        ("torchvision:", "allowed: torchvision:{"),
        ("a b:c", "unknown 'a b:c'"),
        ("é:x", "unknown 'é:x'"),
    ],
)
def test_a_source_is_named_by_what_can_be_opened(source: str, expected: str) -> None:
    message = _broken(lambda c: c["data"]["digits"].update(source=source))
    assert "data.digits.source: " in message and expected in message and "\n" not in message[20:]


def test_a_path_may_hold_blanks_quotes_and_umlauts() -> None:
    values = copy.deepcopy(DEFAULT)
    values["data"]["digits"]["source"] = 'npz:my data/it\'s "Müller".npz'
    parse_config(values)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda c: c.update(operators=["a b"]), "operators[0]: 'a b' is not the name of a module"),
        (lambda c: c.update(operators=["class"]), "none of them a keyword"),
        (lambda c: c.update(operators=["a", "a"]), "operators: 'a' is given twice"),
        (lambda c: c.update(operators="a"), "operators: a list is needed, such as [a], got 'a'"),
        (lambda c: c.update(license=""), "license: "),
        (lambda c: c.update(license=3), "license: Input should be a valid string, got 3"),
        (lambda c: c.update(data_folder="-x"), "data_folder: '-x' is used in commands"),
        (lambda c: c.update(data_folder="a b"), "data_folder: 'a b' is used in commands"),
        (lambda c: c.update(data_folder="./results/x"), "the workflow puts its own files"),
        (lambda c: c["simulation"].update(strategies=["random"] * 2), "'random' is given twice"),
        (lambda c: c["simulation"].update(strategies=["x" * 10**5]), "... (100,000 characters)"),
        (lambda c: c["simulation"].update(seed=-1), "simulation.seed: "),
        (lambda c: c["simulation"].update(seed=2**32), "less than or equal to 4294967295"),
        (lambda c: c["simulation"].update(runs=2**31), "less than or equal to 2147483647"),
        (
            lambda c: c["simulation"].update(runs=True),
            "simulation.runs: Input should be a valid int",
        ),
        (
            lambda c: c["simulation"].update(runs=10.0),
            "simulation.runs: Input should be a valid int",
        ),
        (
            lambda c: c["simulation"].update(runs="10"),
            "simulation.runs: Input should be a valid int",
        ),
        (lambda c: c["simulation"].update(runs=10**400), "a whole number of about 400 digits"),
        (
            lambda c: c["tasks"][TASK].update(deterministic=1),
            "deterministic: Input should be a val",
        ),
        (lambda c: c["tasks"][TASK].update(deterministic="yes"), "Input should be a valid boolean"),
        (lambda c: c["tasks"][TASK].update(seeds=[True]), "seeds[0]: Input should be a valid int"),
        (
            lambda c: c["tasks"][TASK].update(seeds=[]),
            "seeds: the list is empty; at least one value is needed",
        ),
        (lambda c: c["tasks"][TASK].update(seeds=[2**64]), "from -2^63 to 2^63 - 1"),
        (
            lambda c: c["tasks"][TASK]["recipe"].update(learning_rate=True),
            "recipe.learning_rate: Input should be a valid number, got True",
        ),
        (lambda c: c["tasks"][TASK]["recipe"].update(learning_rate="1"), "valid number, got '1'"),
        (
            lambda c: c["tasks"][TASK]["recipe"].update(weight_decay=float("inf")),
            "recipe.weight_decay: inf is no number that JSON holds",
        ),
        (
            lambda c: c["tasks"][TASK].update(replace={"types": ["a b"]}),
            "is not the name of a class",
        ),
        (
            lambda c: c["tasks"][TASK].update(replace={"names": [""]}),
            "not a pattern of module names",
        ),
        (lambda c: c["tasks"][TASK].update(replace={"names": ["a", "a"]}), "'a' is given twice"),
        (lambda c: c["tasks"].update({"a" * 65: {}}), "at most 64 characters"),
        (lambda c: c["tasks"].update({"é": {}}), "tasks.é: String should match pattern"),
        (lambda c: c["tasks"].update({"a\nb": {}}), "should match pattern"),
        (lambda c: c["tasks"].update({"": {}}), "tasks"),
    ],
)
def test_every_value_is_of_its_type(change: Callable[[dict[str, Any]], Any], expected: str) -> None:
    assert expected in _broken(change)


@pytest.mark.parametrize("source", [float("inf"), float("nan")])
def test_classes_refuse_what_is_not_finite_too(source: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        config.Recipe(optimizer="sgd", learning_rate=source, epochs=1, batch_size=1)


@pytest.mark.parametrize("section", ["tasks", "spaces", "data"])
def test_names_that_differ_in_capital_letters_alone_clash(section: str) -> None:
    def change(values: dict[str, Any]) -> None:
        name = next(iter(values[section]))
        values[section][name.capitalize()] = values[section][name]

    assert "clashes with" in _broken(change)


@pytest.mark.parametrize("name", ["Spaces", "workflow", f"{TASK}--final", f"{TASK}__slots"])
def test_names_of_folders_and_rules_are_not_taken(name: str) -> None:
    message = _broken(lambda c: c["tasks"].update({name: c["tasks"][TASK]}))
    assert f"tasks: the name {name!r} clashes with" in message
