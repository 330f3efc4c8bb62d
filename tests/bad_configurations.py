"""Changes to the small experiment that are refused, and what is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
