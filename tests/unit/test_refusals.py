"""What a user can get wrong and the package refuses: one clear message, before any job starts.

The calls are those of workflow/rules/common.smk and of cluster/start.py, in their order. How the
message reaches the user is in tests/workflow/test_bad_input.py.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_experiment import SMALL

from actsearch.config import ConfigError, parse_config
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_finalists, check_plan
from actsearch.plan.targets import check_targets
from actsearch.plan.wanted import check_data, wanted

Values = dict[str, Any]
Change = Callable[[Values], Any]

BASELINE_FREE = {"schemas": ["three-node"], "sample": 24}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working folder; modules that are imported from it are forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    for name in [name for name in sys.modules if name.split(".")[0] == "mylab"]:
        monkeypatch.delitem(sys.modules, name)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0] == "mylab"]:
        del sys.modules[name]


def check(values: Values, *targets: str) -> None:
    """All that is looked at before the first job, but for networks."""
    plan = Plan(parse_config(values))
    check_plan(plan, look_into_files=True)
    check_targets(plan, targets)
    _, data = wanted(plan, targets or ["all"])
    check_data(plan, data, refused=True, warn=pytest.fail)


def refusal(values: Values, *targets: str) -> str:
    """The message of what is refused: of an error that the Snakefile shows as one message."""
    with pytest.raises(ValueError) as error:
        check(values, *targets)
    assert type(error.value).__module__.startswith("actsearch.")
    return str(error.value)


def changed(change: Change) -> Values:
    """The small experiment after ``change``."""
    values = copy.deepcopy(SMALL)
    change(values)
    return values


def _sine(config: Values) -> None:
    config["spaces"]["small"] = {"schemas": ["binary(unary(x),unary(x))"], "unary": ["sine"]}


def without(section: Values, *keys: str) -> Values:
    return {key: value for key, value in section.items() if key not in keys}


def _images(source: str) -> Change:
    def change(config: Values) -> None:
        config["data"]["digits"].update(source=source, image_size=32, in_memory=False)

    return change


def test_the_small_experiment_is_accepted() -> None:
    check(SMALL)
    check(SMALL, "results/tiny/benchmark.parquet", "results/tiny/trials/mul.relu.x.x.json")
    check(SMALL, "results/spaces/small/functions.parquet", "results/report.html", "--cores", "1")


BAD: dict[str, tuple[Change, str]] = {
    "unknown key": (
        lambda c: c["tasks"]["tiny"].update(recip={}),
        "tasks.tiny.recip: unknown key (did you mean 'recipe'?); allowed: benchmark, checkpoint_m",
    ),
    "wrong type": (
        lambda c: c["tasks"]["tiny"]["recipe"].update(epochs="many"),
        "tasks.tiny.recipe.epochs",
    ),
    "unknown operator": (_sine, "unknown operator 'sine'"),
    "wrong arity": (
        lambda c: c["spaces"]["small"].update(include=["add(relu(x))"]),
        "add takes 2 arguments, got 1, at position 0",
    ),
    "empty space": (lambda c: c["spaces"].update(none={}), "the space is empty"),
    "misspelt operator": (
        lambda c: c["spaces"]["deep"].update(include=["baselines", "erff(x)"]),
        "spaces.deep.include: unknown operator 'erff': did you mean erf(x)?",
    ),
    "function of another library": (
        lambda c: c["spaces"]["small"].update(include=["baselines", "silu(x)"]),
        "spaces.small.include: unknown operator 'silu', which is called swish here: write swish(x)",
    ),
    "function without its argument": (
        lambda c: c.update(baselines=["relu(x)", "gelu", "tanh(x)"]),
        "baselines: 'gelu' lacks its argument: write gelu(x)",
    ),
    "another variable": (
        lambda c: c["spaces"]["small"].update(include=["baselines", "tanh(y)"]),
        "spaces.small.include: the variable is x, not 'y': write tanh(x)",
    ),
    "bad function in a space that no task uses": (
        lambda c: c["spaces"].update(other={"include": ["erff(x)"]}),
        "spaces.other.include: unknown operator 'erff'",
    ),
    "bad schema in a space that no task uses": (
        lambda c: c["spaces"].update(other={"schemas": ["unari(x)"]}),
        "spaces.other.schemas: bad schema: unknown operator 'unari'",
    ),
    "sample too large in a space that no task uses": (
        lambda c: c["spaces"].update(other={"schemas": ["three-node"], "sample": 5000}),
        "spaces.other.sample: 5000 functions asked for, but the space holds 2791",
    ),
    "sample smaller than what is included": (
        lambda c: c["spaces"]["small"].update(sample=3),
        "spaces.small.sample: 3 is fewer than the 8 included functions",
    ),
    "operator to leave out that is unknown": (
        lambda c: c["spaces"]["small"].update(exclude=["bessel_i0"]),
        "spaces.small.exclude: unknown operator 'bessel_i0' (did you mean 'bessel_i0e'?)",
    ),
    "too many folds": (
        lambda c: c["surrogate"].update(folds=25),
        "surrogate.folds asks for 25 functions, but space 'small' holds 24",
    ),
    "simulation shorter than the baselines": (
        lambda c: c["simulation"].update(evaluations=3),
        "simulation.evaluations is 3, fewer than the 8 baselines",
    ),
    "no seeds": (
        lambda c: c["tasks"]["tiny"].update(seeds=[]),
        "tasks.tiny.seeds: the list is empty; at least one value is needed",
    ),
    "misspelt key": (
        lambda c: c["tasks"]["tiny"].update(benchmrk={"space": "small"}),
        "tasks.tiny.benchmrk: unknown key (did you mean 'benchmark'?); allowed: benchmark, check",
    ),
    "sample too large": (
        lambda c: c["spaces"]["small"].update(sample=5000),
        "5000 functions asked for, but the space holds 2791",
    ),
    "search sample too large": (
        lambda c: c["spaces"].update(
            deep={"schemas": ["three-node"], "include": ["baselines"], "sample": 5000}
        ),
        "5000 functions asked for, but the space holds 2791",
    ),
    "no baselines": (
        lambda c: c["spaces"].update(small=BASELINE_FREE),
        "tasks.tiny.benchmark: space 'small' lacks baselines",
    ),
    "simulation too long": (
        lambda c: c["simulation"].update(evaluations=25),
        "simulation.evaluations asks for 25 functions, but space 'small' holds 24",
    ),
    "simulation longer than its share": (
        lambda c: c["simulation"].update(evaluations=20, share=0.5),
        "but space 'small' holds 24, of which a run has 12 (simulation.share)",
    ),
    "simulation longer than an unsampled space": (
        lambda c: c["spaces"].update(small={"include": ["baselines", "exp(x)"]}),
        "but space 'small' holds 9",
    ),
    "too many neighbours": (
        lambda c: c["tasks"]["tiny"]["map"].update(outputs_neighbors=24),
        "map.outputs_neighbors asks for 25 functions",
    ),
    "too many finalists": (
        lambda c: c["tasks"]["tiny"]["final"].update(functions=23),
        "asks for 23 functions besides the baselines, but only 22 are trained",
    ),
    "too many functions of another task": (
        lambda c: c["tasks"].update(
            moved=without(c["tasks"]["tiny"], "benchmark", "search")
            | {"final": {"functions": 23, "candidates_from": ["tiny"]}}
        ),
        "need 23 trained on 'tiny' besides the baselines, but only 22 are",
    ),
    "space beyond counting": (
        lambda c: c["spaces"].update(
            deep={"schemas": ["n-ary(" + ",".join(["unary(unary(x))"] * 8) + ")"]}
        ),
        "too many to list",
    ),
    "unknown network": (
        lambda c: c["tasks"]["tiny"].update(model="digits-cn"),
        "tasks.tiny.model: unknown 'digits-cn'",
    ),
    "network that cannot be found": (
        lambda c: c["tasks"]["tiny"].update(model="no_such_package.nets:build"),
        "no Python source for module 'no_such_package.nets'",
    ),
    "missing data": (
        lambda c: c["data"]["digits"].update(source="npz:nowhere.npz"),
        "data.digits: no file nowhere.npz",
    ),
    "data that no program can download": (
        _images("torchvision:ImageNet"),
        "data/ImageNet holds neither ILSVRC2012_devkit_t12.tar.gz nor meta.bin",
    ),
    "missing images": (_images("folder:pets"), "data.digits: no image folder at pets"),
    "search too large": (
        lambda c: c["tasks"]["tiny"]["search"].update(rounds=20),
        "tasks.tiny.search asks for 68 functions, but space 'deep' holds 30",
    ),
    "space too large to list": (
        lambda c: c["spaces"]["deep"].pop("sample"),
        "space 'deep' has 1023524 names, too many to list",
    ),
    "function whose file name is too long": (
        lambda c: c["spaces"]["small"].update(include=["baselines", "abs(" * 60 + "x" + ")" * 60]),
        "names a file and has 241 characters; allowed: 200",
    ),
    "function that is too large": (
        lambda c: c["spaces"]["deep"].update(include=["abs(" * 12_000 + "x" + ")" * 12_000]),
        "include: more than 10,000 operators and x's",
    ),
    "schema that is too large": (
        lambda c: c["spaces"]["deep"].update(schemas=["unary(" * 10**4 + "x" + ")" * 10**4]),
        "bad schema: more than 100 operators and x's",
    ),
    "search of many rounds": (
        lambda c: c["tasks"]["tiny"]["search"].update(rounds=9999),
        "but space 'deep' holds 30",
    ),
    "folder that breaks commands": (
        lambda c: c.update(data_folder="my data"),
        "data_folder: 'my data' is used in commands; allowed: letters, digits",
    ),
    "operator module missing": (
        lambda c: c.update(operators=["no_such_module"]),
        "cannot import 'no_such_module'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration(case: str) -> None:
    change, expected = BAD[case]
    assert expected in refusal(changed(change))


@pytest.mark.parametrize(
    "files, expected",
    [
        (
            {"operators.py": "from numpy import sine"},
            "cannot import 'mylab.operators' (ImportError: cannot import name 'sine' from 'numpy'",
        ),
        (
            {
                "operators.py": "from actsearch import Operator, register\n"
                "register(Operator('odd', 2, numpy=lambda x: x, torch='torch.add'))"
            },
            "operator 'odd': the NumPy side fails with 2 arrays of 5 numbers: TypeError",
        ),
        (
            {"operators.py": "", "network.py": "x = (1"},
            "module 'mylab.network' is not valid Python",
        ),
    ],
)
def test_bad_code_of_the_users(files: dict[str, str], expected: str, folder: Path) -> None:
    values = copy.deepcopy(SMALL)
    values["operators"] = ["mylab.operators"]
    values["tasks"]["tiny"]["model"] = "mylab.network:build"
    (folder / "mylab").mkdir()
    for name, text in files.items():
        (folder / "mylab" / name).write_text(text)
    assert expected in refusal(values)


STRATEGY = "class Mine: ...\ndef helper(): ...\nif True:\n    best = late = Mine()\n"


@pytest.mark.parametrize(
    ("named", "text", "expected"),
    [
        ("mylab.mine:Mine", STRATEGY, ""),
        ("mylab.mine:best", STRATEGY, ""),
        ("mylab.mine:Other", "from mylab.others import Other", ""),
        ("mylab.mine:Any", "from mylab.others import *", ""),
        ("mylab.mine:Any", "def __getattr__(name): ...", ""),
        ("mylab.mine:made", "globals()['made'] = 1", ""),
        ("mylab.mine:Mine", "# -*- coding: utf-8 -*-\nclass Mine: 'Übermut'", ""),
        (
            "mylab.mine:Mime",
            STRATEGY,
            "mylab/mine.py has no 'Mime' (did you mean 'Mine'?); at its top level it has: Mine, "
            "best, helper, late",
        ),
        (
            "mylab.mine:inner",
            "def helper():\n    inner = 1",
            "no 'inner'; at its top level it has: h",
        ),
        ("mylab.mine:Mine", "class Mine", "module 'mylab.mine' is not valid Python: "),
        ("mylab.mien:Mine", STRATEGY, "no Python source for module 'mylab.mien'; looked in "),
    ],
)
@pytest.mark.parametrize("key", ["simulation.strategies", "tasks.tiny.search.strategies"])
def test_strategies_of_the_users(
    named: str, text: str, expected: str, key: str, folder: Path
) -> None:
    (folder / "mylab").mkdir()
    (folder / "mylab/mine.py").write_text(f"{text}\nraise SystemExit('imported')\n")
    values = copy.deepcopy(SMALL)
    section = values["simulation"] if key.startswith("sim") else values["tasks"]["tiny"]["search"]
    section["strategies"] = ["random", named]
    if not expected:
        check(values)
        return
    message = refusal(values)
    assert message.startswith(f"{key}: {named!r}: ") and expected in message


@pytest.mark.parametrize(
    "section, target",
    [("benchmark", "map.parquet"), ("search", "search/map.parquet"), ("final", "final.json")],
)
def test_target_of_a_missing_section(section: str, target: str) -> None:
    values = changed(lambda c: c["tasks"]["tiny"].pop(section))
    expected = f"results/tiny/{target}: task 'tiny' has no section {section!r}"
    assert expected in refusal(values, f"results/tiny/{target}")


def test_a_folder_of_images_that_cannot_be_used_is_named_by_its_entry(folder: Path) -> None:
    for name in ("cats", "dogs"):
        (folder / "pets" / name).mkdir(parents=True)
        (folder / "pets" / name / "one.png").touch()
    message = refusal(changed(_images("folder:pets")))
    assert message.startswith("data.digits: ")


def test_data_that_are_missing_are_told_where_they_are_not_refused() -> None:
    plan = Plan(parse_config(changed(_images("folder:pets"))))
    told: list[str] = []
    check_data(plan, ["digits"], refused=False, warn=told.append)
    assert told == ["data.digits: no image folder at pets"]


def test_data_are_no_matter_where_a_command_asks_what_rules_make(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = changed(lambda c: c["data"]["digits"].update(source="npz:nowhere.npz"))
    monkeypatch.setenv("ACTSEARCH_OUTPUTS", "answer.json")
    check_plan(Plan(parse_config(values)), look_into_files=True)


@pytest.mark.parametrize("fit_on", ["train", "train-and-validation", None])
def test_a_validation_part_of_its_own_is_fitted_on_where_that_is_said(
    folder: Path, fit_on: str | None
) -> None:
    arrays, split = {}, {"train": 200, "validation": 100, "test": 50}
    for part, n in split.items():
        arrays[f"x_{part}"] = np.zeros((n, 1, 8, 8))
        arrays[f"y_{part}"] = np.arange(n) % 10
    np.savez(folder / "parts.npz", **arrays)
    values = copy.deepcopy(SMALL)
    values["data"]["digits"] = {"source": "npz:parts.npz", "split": split}
    values["tasks"]["tiny"]["final"]["fit_on"] = fit_on
    plan = Plan(parse_config(values))
    if fit_on:
        check_finalists(plan, "tiny")
    else:
        with pytest.raises(
            ConfigError, match=r"tasks\.tiny\.final: the data give a validation part by itself"
        ):
            check_finalists(plan, "tiny")


def test_seeds_of_an_imported_table_cannot_be_seen() -> None:
    values = copy.deepcopy(SMALL)
    values["data"]["images"] = values["data"]["digits"] | {"source": "torchvision:CIFAR10"}
    bare = {key: values["tasks"]["tiny"][key] for key in ("model", "recipe", "map")}
    table = {"space": "small", "act_bench": "cnn", "published_features": True}
    values["tasks"]["imported"] = bare | {"data": "images", "benchmark": table}
    check_plan(Plan(parse_config(values)), look_into_files=False, with_files=False)
    values["simulation"]["sees"] = "one-seed"
    with pytest.raises(ConfigError, match="one-seed, but the table of imported is imported"):
        check_plan(Plan(parse_config(values)), look_into_files=False, with_files=False)
