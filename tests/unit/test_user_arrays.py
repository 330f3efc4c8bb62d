"""Data that a function of the user's returns: the same arrays for every job, or an error."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from small_experiment import RECIPE
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import ConfigError, Data, load_config
from actsearch.data.loading import load_dataset
from actsearch.data.sources.places import DataError, MissingDataError, Place, place_of
from actsearch.data.user_arrays import call_twice, entries
from actsearch.networks.by_name import ModelError
from actsearch.plan.data_files import data_file
from actsearch.plan.dependencies import refuse_edited, users_code
from actsearch.plan.environment import CODE_VARIABLE
from actsearch.plan.experiment import Plan
from actsearch.records import code
from actsearch.records.digests import DigestError
from actsearch.records.embedded import input_digest, read_provenance
from actsearch.records.search_path import MODULES_VARIABLE, working_folder_last

load_commands()
SPLIT = {"train": 8, "validation": 8, "test": 8}
STEADY = """
import numpy as np
def load():
    y = np.arange(40) % 4
    return np.random.default_rng(0).normal(size=(40, 1, 8, 8)), y
"""
UNSEEDED = STEADY.replace("default_rng(0)", "default_rng()")
# A text's hash, and so the order of a set, is another in every process.
BY_HASH = """
import numpy as np
def load():
    names = list({f"n{number}" for number in range(64)})
    return np.zeros((64, 1, 8, 8)) + np.arange(8), np.array(names)
"""
# Its second call in a process gives others, but jobs call it once.
ONCE = """
import numpy as np
rng = np.random.default_rng(0)
def load():
    return rng.normal(size=(40, 1, 8, 8)), np.arange(40) % 4
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder whose data are those of ``load`` in loader.py."""
    task = {"data": "mine", "model": "digits-cnn", "recipe": RECIPE, "fisher": {"examples": 2}}
    task["recipe"] = RECIPE | {"batch_size": 4}
    data = {"mine": {"source": "loader:load", "split": SPLIT}}
    (tmp_path / "config.yaml").write_text(
        yaml.safe_dump({"data": data, "spaces": {}, "tasks": {"t": task}})
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    working_folder_last()
    write(STEADY)
    yield tmp_path
    sys.modules.pop("loader", None)


def write(text: str) -> None:
    """Write loader.py, and forget what was known of the last one."""
    Path("loader.py").write_text(text)
    sys.modules.pop("loader", None)
    sys.path_importer_cache.clear()
    code.module_digests.cache_clear()
    code._reached_from.cache_clear()


def run(*words: str) -> str:
    """Output of a command that must succeed."""
    return CliRunner().invoke(app, words, catch_exceptions=False).output


def train() -> str:
    return run("train", "--task", "t", "--function", "relu(x)", "--out", "results/t/trials/r.json")


def place() -> Place:
    config = load_config(Path("config.yaml"))
    found = place_of(config.data["mine"], "data")
    assert found is not None and data_file(config, "t") == found.manifest
    return found


@pytest.mark.parametrize("text", [UNSEEDED, BY_HASH])
def test_other_arrays_every_time_are_refused_by_check_and_fetch(text: str) -> None:
    write(text)
    for words in (("check",), ("fetch", "--data", "mine")):
        with pytest.raises(DataError) as error:
            run(*words)
        assert str(error.value) == (
            "data source 'loader:load': gives other arrays every time: seed it"
        )
        sys.modules.pop("loader", None)


@pytest.mark.parametrize("text", [STEADY, ONCE])
def test_a_function_whose_first_call_is_steady_will_do(text: str) -> None:
    write(text)
    assert "Passes" in run("check")


def test_its_arrays_are_noted_once_and_every_job_compares() -> None:
    with pytest.raises(MissingDataError, match=r"actsearch fetch --data mine"):
        train()
    assert "40 train examples in 4 classes" in run("fetch", "--data", "mine")
    kept = place().manifest.read_bytes()
    assert "is up to date and is kept" in run("fetch", "--data", "mine")
    assert place().manifest.read_bytes() == kept
    assert "relu(x)" in train()
    block = read_provenance("results/t/trials/r.json")
    assert block["data"] == {str(place().manifest): input_digest(place().manifest)}


def test_a_job_that_is_given_others_ends_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    write(f"import os\n{STEADY}".replace("rng(0)", "rng(int(os.environ['SEED']))"))
    monkeypatch.setenv("SEED", "1")
    run("fetch", "--data", "mine")
    monkeypatch.setenv("SEED", "2")
    for command in (train, lambda: run("check"), lambda: run("fetch", "--data", "mine")):
        with pytest.raises(DataError, match=r"manifest\.json"):
            command()
    with pytest.raises(
        DataError, match=r"'loader:load': gives other .* what it reads has changed\."
    ):
        train()
    assert not Path("results").exists()


def test_a_job_tells_what_has_changed_from_chance() -> None:
    x, y = np.arange(40 * 64.0).reshape(40, 1, 8, 8), np.arange(40) % 4
    np.savez("mine.npz", x=x, y=y)
    # Under a name that its text does not show, or it would count as code.
    lines = ["import numpy as np", "def load():", "    mine = np.load('.'.join(['mine', 'npz']))"]
    write("\n".join([*lines, "    return mine['x'], mine['y']"]))
    run("fetch", "--data", "mine")
    np.savez("mine.npz", x=-x, y=y)
    with pytest.raises(DataError, match=r"changed\. \(Its x are not .*manifest\.json; .*remove"):
        train()
    place().manifest.unlink()
    run("fetch", "--data", "mine")
    assert "relu(x)" in train()
    kept = place().manifest.read_bytes()
    write(UNSEEDED)
    place().manifest.parent.mkdir(parents=True)
    place().manifest.write_bytes(kept)
    other = ["train", "--task", "t", "--function", "abs(x)", "--out", "results/t/trials/a.json"]
    with pytest.raises(DataError, match=r"gives other arrays every time: seed it\. \(Its x are"):
        run(*other)


def test_an_honest_edit_has_a_place_of_its_own() -> None:
    run("fetch", "--data", "mine")
    before = place()
    write(f"# A comment.\n{STEADY}")
    assert place() == before
    write(STEADY.replace("rng(0)", "rng(1)"))
    assert place() != before
    with pytest.raises(MissingDataError, match="as its code stands now"):
        train()
    run("fetch", "--data", "mine")
    assert "relu(x)" in train()
    assert input_digest(place().manifest) != input_digest(before.manifest)
    write(STEADY.replace("y = ", "y = 1 * "))  # other code, the same arrays
    run("fetch", "--data", "mine")
    assert input_digest(place().manifest) == input_digest(before.manifest)


def test_code_that_was_edited_after_the_run_began_makes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run("fetch", "--data", "mine")
    config = load_config(Path("config.yaml"))
    monkeypatch.setenv(CODE_VARIABLE, users_code(config))
    write(f"# A comment.\n{STEADY}")
    assert "relu(x)" in train()
    write(STEADY.replace("y = ", "y = 1 * "))
    with pytest.raises(ConfigError, match=r"the code of 'loader', .* edited after this run began"):
        train()
    refuse_edited(config, None)  # of a step that does not execute it


NETWORK = """
from torch import nn
def build(image_shape, n_classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, n_classes))
"""


@pytest.mark.parametrize("step", ["train", "fim"])
def test_code_that_is_edited_between_its_record_and_its_import_makes_nothing(
    step: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (folder / "config.yaml").read_text().replace("digits-cnn", "net:build")
    (folder / "config.yaml").write_text(text)
    (folder / "net.py").write_text(NETWORK)
    edit = "    with open('net.py', 'a') as file: file.write(os.environ.get('EDIT', ''))\n"
    write("import os\n" + STEADY.replace("def load():\n", f"def load():\n{edit}"))
    run("fetch", "--data", "mine")
    (folder / "results").mkdir()

    def make() -> str:
        sys.modules.pop("net", None)
        if step == "train":
            return train()
        words = ("--task", "t", "--functions", "functions.parquet", "--part", "0")
        return run("fim", *words, "--out", "results/part-0.npz")

    listed = pd.DataFrame({"name": ["relu(x)"], "position": [0.0]})
    listed.to_parquet("functions.parquet")
    monkeypatch.setenv("EDIT", "# A comment.\n")
    make()
    for path in (folder / "results").rglob("*.*"):
        path.unlink()
    monkeypatch.setenv("EDIT", "x = 1\n")
    with pytest.raises(ConfigError, match=r"'net', which is .* edited after this job began"):
        make()
    assert not list((folder / "results").rglob("*.*"))
    sys.modules.pop("net", None)


def test_what_its_module_imports_is_its_code(folder: Path) -> None:
    write("from parts import load")
    (folder / "parts.py").write_text(STEADY)
    before = place()
    (folder / "parts.py").write_text(UNSEEDED)
    code.module_digests.cache_clear()
    code._reached_from.cache_clear()
    assert place() != before


def test_files_that_it_reads_lie_in_the_folder_of_its_experiment(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(folder / "mine.npz", x=np.ones((4, 2, 2)), y=np.arange(4))
    lines = ["import numpy as np", "mine = np.load('mine.npz')", "def load():"]
    write("\n".join([*lines, "    return mine['x'], mine['y']"]))
    monkeypatch.setenv(MODULES_VARIABLE, str(folder))
    monkeypatch.chdir(tmp_path_factory.mktemp("scratch"))  # as a replay does
    assert call_twice("loader:load")["x"].shape == (4, 2, 2)


def test_entries_tell_arrays_apart() -> None:
    def noted(x: np.ndarray, y: np.ndarray) -> list[dict[str, Any]]:
        return entries({"x": x, "y": y})

    x, y = np.arange(32.0).reshape(2, 4, 4), np.array(["a", "b"])
    assert noted(x, y) == noted(np.asfortranarray(x), y)
    for y_of_any_kind in (["a", "bc"], [b"a", b"b"], [True, False], [2, 1], [], np.float16([1])):
        assert noted(x, np.array(y_of_any_kind))[1]["sha256"]
    assert noted(x.astype(">f8"), y) != noted(x, y)
    others = [(x.astype("f4"), y), (x.reshape(2, 2, 8), y), (x + 1, y), (x, y[::-1]), (-x, y)]
    assert all(noted(*other) != noted(x, y) for other in others)
    assert entries({"x_train": x, "y": y}) != noted(x, y)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise KeyError('lost')", r"'loader:load': fails: KeyError: 'lost' \(loader.py, line 4\)"),
        ("return 3", r"'loader:load': must return \(x, y\), or a dictionary of .*, got int"),
        ("return np.array([{}]), np.zeros(1)", r"x must hold real numbers, got dtype \|O"),
        ("return np.zeros((4, 1, 2, 2)), [None] * 4", r"y must be one of .* got .* dtype \|O"),
        ("return {'x_train': np.zeros((4, 2))}", "lacks y_train, x_test, y_test: it must hold"),
        ("return {1: np.zeros((4, 2))}", "must return .* a dictionary of .*, got dict"),
    ],
)
def test_what_a_function_gets_wrong_is_one_sentence(body: str, message: str) -> None:
    write(f"import numpy as np\n\ndef load():\n    {body}\n")
    with pytest.raises(DataError, match=message):
        load_dataset(Data(source="loader:load", split=SPLIT))


def test_a_module_that_is_not_there_is_named() -> None:
    with pytest.raises(DataError, match=r"'nowhere:load': cannot be imported: .*nowhere"):
        load_dataset(Data(source="nowhere:load", split=SPLIT))
    with pytest.raises(DigestError, match="nowhere"):
        place_of(Data(source="nowhere:load", split=SPLIT), "data")


def test_what_another_process_cannot_call_is_refused() -> None:
    write(f"import sys\nassert 'user_arrays' not in sys.argv[0], 'not here'\n{STEADY}")
    with pytest.raises(DataError, match=r"in a process of its own: .*not here"):
        call_twice("loader:load")


# What has to be said of them

NUMBERS = """
import numpy as np
def load():
    x = np.random.default_rng(0).normal(size=(40, 1, 8, 8))
    return {f"{name}_{part}": a for part in ("train", "validation", "test")
            for name, a in (("x", x), ("y", x[:, 0, 0, 0]))}
"""


def configure(final: dict[str, Any] | None = None) -> None:
    """Have the task learn numbers, with this last comparison if any."""
    values = yaml.safe_load(Path("config.yaml").read_text())
    values["data"]["mine"]["targets"] = "numbers"
    values["spaces"] = {"few": {"include": ["baselines", "exp(x)"]}}
    values["simulation"] = {"evaluations": 9}
    values["tasks"]["t"] |= {
        "model": "mlp",
        "benchmark": {"space": "few"},
        "map": {"outputs_neighbors": 3},
    }
    if final:
        values["tasks"]["t"]["final"] = final
    Path("config.yaml").write_text(yaml.safe_dump(values))


def test_targets_that_are_no_classes_are_to_be_said_before_a_run() -> None:
    write(NUMBERS)
    for words in (("check",), ("check", "--shapes"), ("fetch", "--data", "mine")):
        with pytest.raises(DataError, match="its targets are numbers: say targets: numbers of the"):
            run(*words)
    configure()
    assert "1 number to predict" in run("check")
    plan = Plan(load_config(Path("config.yaml")))
    score = plan.score_of("t")
    assert score is not None and score.name == "R2" and not plan.is_exported("t")


def test_a_validation_part_of_its_own_is_fitted_on_where_that_is_said_before_a_run() -> None:
    write(NUMBERS)
    for fit_on in (None, "train", "train-and-validation"):
        configure({"functions": 1, "seeds": [7, 8], "fit_on": fit_on})
        for words in (("check", "--shapes"), ("check",)):
            if fit_on is None:
                with pytest.raises(ModelError, match="final: the data give a validation part by"):
                    run(*words)
            else:
                assert "records written and read" in run(*words)
