"""What a user can get wrong: one clear message, before any job starts."""

from __future__ import annotations

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from experiment import BIN, SMALL, Experiment

pytestmark = pytest.mark.workflow

Change = Callable[[dict[str, Any]], Any]


BASELINE_FREE = {"schemas": ["three-node"], "sample": 24}


def _sine(config: dict[str, Any]) -> None:
    config["spaces"]["small"] = {"schemas": ["binary(unary(x),unary(x))"], "unary": ["sine"]}


def without(section: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key not in keys}


def _images(source: str) -> Change:
    def change(config: dict[str, Any]) -> None:
        config["data"]["digits"].update(source=source, image_size=32, in_memory=False)

    return change


BAD: dict[str, tuple[Change, str]] = {
    "unknown key": (
        lambda c: c["tasks"]["tiny"].update(recip={}),
        "tasks.tiny.recip: unknown key; allowed: benchmark, checkpoint_minutes, data",
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
    "activations that are not there": (
        lambda c: c["tasks"]["tiny"].update(replace={"types": ["SiLU"]}),
        "tasks.tiny: no activation was replaced: no module matches type 'SiLU'",
    ),
    "folder that breaks commands": (
        lambda c: c.update(data_folder="my data"),
        "data_folder: 'my data' stands in commands; allowed: letters, digits",
    ),
    "operator module missing": (
        lambda c: c.update(operators=["no_such_module"]),
        "cannot import 'no_such_module'",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_configuration(case: str, fresh: Experiment) -> None:
    change, expected = BAD[case]
    config = copy.deepcopy(SMALL)
    change(config)
    fresh.configure(config)
    assert expected in fresh.message()


@pytest.mark.parametrize(
    "files, expected",
    [
        (
            {"operators.py": "from numpy import sine"},
            "cannot import 'lab.operators' (ImportError: cannot import name 'sine' from 'numpy'",
        ),
        (
            {
                "operators.py": "from actsearch import Operator, register\n"
                "register(Operator('odd', 2, numpy=lambda x: x, torch='torch.add'))"
            },
            "operator 'odd': the NumPy side fails with 2 arrays of 5 numbers: TypeError",
        ),
        ({"operators.py": "", "network.py": "x = (1"}, "module 'lab.network' is not valid Python"),
    ],
)
def test_bad_code_of_the_users(files: dict[str, str], expected: str, fresh: Experiment) -> None:
    config = copy.deepcopy(SMALL)
    config["operators"] = ["lab.operators"]
    config["tasks"]["tiny"]["model"] = "lab.network:build"
    fresh.configure(config)
    (fresh.folder / "lab").mkdir()
    for name, text in files.items():
        (fresh.folder / "lab" / name).write_text(text)
    assert expected in fresh.message()


@pytest.mark.parametrize(
    "target, expected",
    [
        ("results/tinny/benchmark.parquet", "no task 'tinny'; tasks: tiny"),
        ("results/tiny/trials/mul.rleu.x.x.json", "did you mean 'relu'?"),
        ("results/tiny/trials/mul.relu.x.json", "bad slug 'mul.relu.x': the tokens end too early"),
        ("results/tiny/nothing.json", "No rule to produce results/tiny/nothing.json"),
        ("results/tiny/simulation/unionknr.parquet", "No rule to produce"),
    ],
)
def test_bad_target(target: str, expected: str, fresh: Experiment) -> None:
    assert expected in fresh.message(target)


@pytest.mark.parametrize(
    "section, target",
    [("benchmark", "map.parquet"), ("search", "search/map.parquet"), ("final", "final.json")],
)
def test_target_of_a_missing_section(section: str, target: str, fresh: Experiment) -> None:
    config = copy.deepcopy(SMALL)
    del config["tasks"]["tiny"][section]
    fresh.configure(config)
    expected = f"results/tiny/{target}: task 'tiny' has no section {section!r}"
    assert expected in fresh.message(f"results/tiny/{target}")


def _actsearch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "actsearch"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("train", "--task", "tony", "--function", "relu(x)", "--out", "a.json"), "unknown 'tony'"),
        (
            ("train", "--task", "tiny", "--function", "relu(y)", "--out", "a.json"),
            "unknown operator 'y'",
        ),
        (("train", "--task", "tiny"), "no trial to make"),
        (("enumerate", "--space", "five-node"), "unknown 'five-node'"),
        (
            (
                "simulate",
                "--task",
                "tiny",
                "--strategy",
                "s",
                "--map",
                "m.parquet",
                "--table",
                "t.parquet",
                "--out",
                "o.parquet",
            ),
            "m.parquet",
        ),
    ],
)
def test_bad_command(arguments: tuple[str, ...], expected: str, fresh: Experiment) -> None:
    done = _actsearch(fresh.folder, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and expected in done.stderr
    assert "Traceback" not in done.stderr
