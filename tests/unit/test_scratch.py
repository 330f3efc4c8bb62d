"""The scratch folder of a replay: what is linked there, and that nothing is written elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from typer.testing import CliRunner

from actsearch.cli.app import app
from actsearch.cli.questions import replay  # noqa: F401 - it defines the command
from actsearch.cli.questions.scratch import command_in_scratch, name_in_scratch, prepare
from actsearch.config import Config, ConfigError, load_config
from actsearch.networks import devices
from actsearch.records.embedded import input_digest
from actsearch.records.formats import ArtifactError, write_json
from actsearch.records.lineage import Artifact

FILE = "results/t/fim/part-0.npz"
INPUT = "results/functions.json"


@pytest.fixture(autouse=True)
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "a" / "experiment"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    write_json(INPUT, {"content": 1}, {"step": "test"})
    return folder


def artifact(command: str, **block: Any) -> Artifact:
    usual: dict[str, Any] = {
        "step": "fim",
        "command": f"actsearch fim {command}",
        "file": FILE,
        "inputs": {INPUT: input_digest(INPUT)},
    }
    return Artifact(FILE, usual | block)


def test_a_command_that_had_another_name_is_called_by_todays() -> None:
    def words(step: str, command: str) -> list[str]:
        block = {"step": step, "command": f"actsearch {command}", "file": FILE, "inputs": {}}
        return command_in_scratch(Artifact(FILE, block), {})

    assert words("export", "export --task t --bare") == [
        "export-act-bench",
        "--task",
        "t",
        "--bare",
    ]
    assert words("train-final", "train --final --task t --out a")[:2] == ["train", "--final"]


def config(**sources: str) -> Config:
    split = {"train": 200, "validation": 10, "test": 10, "seed": 0}
    task = {"data": "digits", "model": "digits-cnn", "benchmark": {"space": "small"}}
    recipe = {"optimizer": "adamw", "learning_rate": 0.01, "epochs": 1, "batch_size": 64}
    given = {"digits": {"source": "digits", "split": split}} | {
        name: {"source": source, "split": split, "image_size": 8}
        if source.startswith("folder:")
        else {"source": source, "split": split}
        for name, source in sources.items()
    }
    spaces = {"small": {"schemas": ["three-node"], "sample": 24, "seed": 1}}
    whole = {"data": given, "spaces": spaces, "tasks": {"t": task | {"recipe": recipe}}}
    Path("config.yaml").write_text(yaml.safe_dump(whole))
    return load_config(Path("config.yaml"))


def test_a_file_written_outside_is_refused(experiment: Path) -> None:
    with pytest.raises(ConfigError, match=r"was written as /elsewhere/x.npz, outside the folder"):
        name_in_scratch(artifact("--out /elsewhere/x.npz", file="/elsewhere/x.npz"))
    with pytest.raises(ConfigError, match=r"its command names /elsewhere/y.npz, outside"):
        command_in_scratch(artifact(f"--out {FILE} --predictions=/elsewhere/y.npz"), {})


def test_absolute_names_in_the_experiment_lead_into_the_scratch_folder(experiment: Path) -> None:
    made = artifact(f"--config {experiment}/c.yaml --out {experiment / FILE} --part 0")
    assert command_in_scratch(made, {}) == ["fim", "--out", FILE, "--part", "0"]


def test_inputs_elsewhere_are_read_where_they_lie(experiment: Path) -> None:
    other = experiment.parent / "other.json"
    write_json(other, {"content": 2}, {"step": "test"})
    made = artifact(f"--from t={other} --out {FILE}", inputs={str(other): input_digest(other)})
    assert command_in_scratch(made, {})[2] == f"t={other}"


def test_moved_data_are_found_and_other_data_refused(experiment: Path) -> None:
    made = artifact(f"--file old/d.json --out {FILE}", data={"old/d.json": "sha256:1"})
    words = command_in_scratch(made, {"new/d.json": "sha256:1"})
    assert words[2] == str(experiment / "new/d.json")
    with pytest.raises(ArtifactError, match=r"new/d.json: is not what it was when"):
        command_in_scratch(made, {"new/d.json": "sha256:2"})
    with pytest.raises(ArtifactError, match=r"new/d.json: no such file"):
        command_in_scratch(made, {"new/d.json": None})


def test_a_pack_makes_one_file_alone(experiment: Path) -> None:
    file = "results/t/trials/relu.x.json"
    command = f"--task t results/t/trials/elu.x.json {file}"
    words = command_in_scratch(artifact(command, step="train", file=file), {})
    assert words == ["train", "--task", "t", file]


def test_data_above_the_experiment_are_linked_inside_the_scratch_folder(
    experiment: Path, tmp_path: Path
) -> None:
    (experiment.parent / "pets").mkdir()
    (tmp_path / "d.npz").write_bytes(b"d")
    settings = config(pets="folder:../pets", again="folder:../pets", arrays="npz:../../d.npz")
    scratch = tmp_path / "scratch"
    for number in range(2):  # the second finds nothing left by the first
        root = scratch / str(number)
        home = prepare(root, artifact(f"--out {FILE}"), settings)
        assert home == root / "in/in"
        assert (home / "../pets").resolve() == experiment.parent / "pets"
        assert (home / "../../d.npz").read_bytes() == b"d"
        assert (home / INPUT).resolve() == experiment / INPUT
        assert {path.name for path in scratch.iterdir()} <= {"0", "1"}


def test_a_configuration_above_keeps_its_name(experiment: Path, tmp_path: Path) -> None:
    settings = config()
    made = artifact(f"--out {FILE}", configuration="../shared/c.yaml")
    home = prepare(tmp_path / "scratch", made, settings)
    assert load_config(home / "../shared/c.yaml").tasks == settings.tasks


def test_a_changed_input_is_refused(experiment: Path, tmp_path: Path) -> None:
    made = artifact(f"--out {FILE}")
    write_json(INPUT, {"content": 2}, {"step": "test"})
    with pytest.raises(ArtifactError, match=f"{INPUT}: is not what it was when {FILE}"):
        prepare(tmp_path / "scratch", made, config())


@pytest.mark.parametrize("change, code", [(0.001, 0), (0.1, 1)])
def test_what_a_gpu_made_is_compared_within_its_tolerance(
    experiment: Path, monkeypatch: pytest.MonkeyPatch, change: float, code: int
) -> None:
    task = config().tasks["t"]
    monkeypatch.setattr(devices, "choose_device", lambda task: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "a GPU")
    declared = devices.device_fields(task, devices.FISHER_TOLERANCE | {"absolute": 0.01})
    file = "results/t/history.json"
    block = {"step": "history", "task": "t", "command": f"actsearch history --out {file}"}
    write_json(file, {"value": 1.0}, block | declared)
    before = Path(file).read_bytes()

    def run(home: Path, *_: Any) -> None:
        write_json(home / file, {"value": 1 + change}, {"step": "test"})

    monkeypatch.setattr("actsearch.cli.questions.replay._run", run)
    app_result = CliRunner().invoke(app, ["replay", file])
    assert app_result.exit_code == code, app_result.output
    assert Path(file).read_bytes() == before
