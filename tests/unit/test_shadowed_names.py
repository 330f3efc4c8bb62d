"""Modules in the working folder whose names are taken: refused where they are named."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from actsearch.config import Config, ConfigError
from actsearch.data.dataset import DataShape
from actsearch.data.sources.places import DataError
from actsearch.data.user_arrays import call
from actsearch.networks.by_name import ModelError, build_model
from actsearch.plan.dependencies import register_operators
from actsearch.records.search_path import MODULES_VARIABLE, working_folder_last

RECIPE = {"optimizer": "sgd", "learning_rate": 0.1, "epochs": 1, "batch_size": 4}
SPLIT = {"train": 8, "validation": 8, "test": 8}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    return home


def config(model: str = "digits-cnn", source: str = "digits", *operators: str) -> Config:
    task = {"data": "d", "model": model, "recipe": RECIPE, "fisher": {"examples": 2}}
    data = {"d": {"source": source, "split": SPLIT}}
    values = {"data": data, "spaces": {}, "tasks": {"t": task}, "operators": operators}
    return Config.model_validate(values)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("raise SystemExit('taken')")


@pytest.mark.parametrize(
    ("file", "named", "owner"),
    [
        ("queue.py", "queue", "a module of Python's own"),
        ("msvcrt.py", "msvcrt", "a module of Python's own"),
        ("sys.py", "sys", "a module of Python's own"),
        ("random/net.py", "random.net", "a module of Python's own"),
        ("yaml.py", "yaml", r"an installed package \(.*yaml/__init__\.py\)"),
        ("torch/nn/mine.py", "torch.nn.mine", r"an installed package \(.*torch/__init__\.py\)"),
        ("pandas/__init__.py", "pandas", r"an installed package \(.*pandas/__init__\.py\)"),
        ("both/net.py", "both.net", r"another module \(.*elsewhere/both/__init__\.py\)"),
        ("actsearch/net.py", "actsearch.net", r".* \(.*actsearch/__init__\.py\)"),
    ],
)
@pytest.mark.parametrize("key", ["model", "source", "operators"])
def test_a_name_that_is_taken_is_refused_where_it_is_named(
    file: str, named: str, owner: str, key: str, folder: Path, tmp_path: Path
) -> None:
    write(folder, file)
    write(tmp_path, "elsewhere/both/__init__.py")
    sys.path.insert(0, str(tmp_path / "elsewhere"))
    given = [named] if key == "operators" else []
    model = f"{named}:build" if key == "model" else "digits-cnn"
    source = f"{named}:load" if key == "source" else "digits"
    with pytest.raises(ConfigError, match=rf"{named}.* is {file} in the .* the name of {owner}, "):
        register_operators(config(model, source, *given))


def test_files_that_merely_lie_there_do_no_harm(folder: Path) -> None:
    write(folder, "queue.py", "yaml.py", "torch/__init__.py", "timm/mine.py", "numpy/linalg.py")
    (folder / "net.py").write_text(
        "import queue, yaml, timm, numpy.linalg\nfrom torch import nn\nyaml.safe_load, queue.Queue"
    )
    # Names that are not code, and installed modules that are named on purpose.
    register_operators(config("timm:resnet18", "npz:yaml.py"))
    register_operators(config("torchvision.models:resnet18", "sklearn.datasets:load"))
    register_operators(config("net:build"))


@pytest.mark.parametrize(
    ("taken", "line", "importer"),
    [
        ("yaml.py", "import yaml\nyaml.mine()", "net.py"),
        ("yaml.py", "import yaml as y\ny.mine()", "net.py"),
        ("yaml.py", "import yaml  # which registers something", "net.py"),
        ("yaml.py", "from yaml import *", "net.py"),
        ("queue.py", "def build():\n    from queue import mine", "net.py"),
        ("torch/__init__.py", "import torch.inner as inner", "net.py"),
        ("yaml.py", "import parts", "parts.py"),
        ("yaml.py", "from lab import inner", "lab/inner.py"),
    ],
)
@pytest.mark.parametrize("key", ["model", "source", "operators"])
def test_a_name_that_is_taken_is_refused_where_it_is_imported(
    taken: str, line: str, importer: str, key: str, folder: Path
) -> None:
    write(folder, taken, "lab/inner.py", "torch/inner.py")
    (folder / taken).write_text("def mine(): ...")
    (folder / "net.py").write_text(line)
    (folder / "parts.py").write_text("from yaml import mine")
    (folder / "lab/inner.py").write_text("from yaml import mine")
    name = taken.partition("/")[0].removesuffix(".py")
    model = "net:build" if key == "model" else "digits-cnn"
    source = "net:load" if key == "source" else "digits"
    expected = rf"'net.*: the '{name}' that {importer} imports is {taken} in .* the name of "
    with pytest.raises(ConfigError, match=expected):
        register_operators(config(model, source, *(["net"] if key == "operators" else [])))


def test_imports_of_other_places_and_within_a_package_are_not_of_the_working_folder(
    folder: Path, tmp_path: Path
) -> None:
    write(folder, "yaml.py", "queue.py")
    for name in ("yaml.py", "queue.py"):
        (folder / name).write_text("def mine(): ...")
    (folder / "lab").mkdir()
    (folder / "lab/net.py").write_text("from . import yaml\nfrom .queue import mine\nimport other")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/other.py").write_text("from yaml import mine")
    sys.path.insert(0, str(tmp_path / "elsewhere"))
    register_operators(config("lab.net:build"))


def test_the_same_file_found_twice_is_one(folder: Path, tmp_path: Path) -> None:
    write(folder, "lab/net.py", "net.py")
    (tmp_path / "link").symlink_to(folder)
    sys.path.insert(0, str(tmp_path / "link"))  # of PYTHONPATH, or pip install -e
    register_operators(config("lab.net:build"))
    register_operators(config("net:build"))


def test_the_working_folder_comes_last_once(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(folder)
    others = list(sys.path)
    sys.path[:0] = ["", ".", str(folder), str(tmp_path / "link")]
    for _ in range(2):
        working_folder_last()
        assert sys.path == [*others, str(folder)]
    monkeypatch.setenv(MODULES_VARIABLE, str(tmp_path))
    working_folder_last()
    assert sys.path == [*others, str(tmp_path)]


@pytest.mark.parametrize(
    "words", [["-m", "actsearch.cli"], ["-c", "import actsearch.cli as c; c.main()"]]
)
def test_started_by_python_it_comes_last_too(words: list[str], folder: Path) -> None:
    names = ("profile", "queue", "torch", "yaml", "code", "random", "typing", "json", "typer")
    write(folder, *(f"{name}.py" for name in names))
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2] / "src")
    safe = [] if words[0] == "-m" else ["-P"]
    done = subprocess.run(
        [sys.executable, *safe, *words, "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and "Usage" in done.stdout, done.stderr


STARTS = """
import subprocess, sys
def call(**_):
    subprocess.run([sys.executable, "tools/prep.py"], check=True)
"""


@pytest.mark.parametrize("key", ["model", "source", "operators"])
@pytest.mark.parametrize("given", ["", "1"])
def test_a_script_that_the_users_code_starts_finds_what_lies_beside_it(
    key: str, given: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", given)
    monkeypatch.delitem(sys.modules, "starts", raising=False)
    working_folder_last()
    (folder / "tools").mkdir()
    (folder / "tools/beside.py").write_text("open('done', 'w')")
    (folder / "tools/prep.py").write_text("import beside")
    (folder / "starts.py").write_text(STARTS + ("call()\n" if key == "operators" else ""))
    with contextlib.suppress(ConfigError, DataError, ModelError):
        if key == "operators":
            register_operators(config("digits-cnn", "digits", "starts"))
        elif key == "model":
            build_model("starts:call", DataShape((1, 8, 8), 2), 0)
        else:
            call("starts:call")
    assert (folder / "done").exists() == (given == "")  # what the user has set stays
    assert os.environ["PYTHONSAFEPATH"]
