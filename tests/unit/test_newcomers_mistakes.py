"""What people write at first, and the message that says what to write."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from small_experiment import SMALL
from torch import nn
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.cli.questions.estimate import Stage, _print
from actsearch.cluster.watching import Watcher
from actsearch.config import ConfigError, parse_config
from actsearch.config.reading import parse_values, read_values
from actsearch.config.spaces import SPACES
from actsearch.data.sources.places import DataError
from actsearch.functions.spaces import BUILT_IN
from actsearch.plan.refusals import _no_file
from actsearch.plan.standing import Trial
from actsearch.plan.whole import refused_in
from actsearch.rehearsal.classes import own_classes


def problem_of(**values: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(values)
    return str(caught.value)


def test_built_in_spaces_are_those_of_functions() -> None:
    assert set(SPACES) == set(BUILT_IN)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("threenode", "three-node"),
        ("three_node", "three-node"),
        ("3-node", "three-node"),
        ("four-nodes", "four-node"),
        ("Four-Node", "four-node"),
    ],
)
def test_a_misspelt_space_is_guessed(written: str, meant: str) -> None:
    message = problem_of(spaces={"s": {"schemas": [written]}})
    assert f"unknown space '{written}' (did you mean '{meant}'?)" in message
    assert meant not in problem_of(spaces={"s": {"schemas": [meant, "unary(x)"]}})


@pytest.mark.parametrize("source", ["breast.csv", "npz:tables/breast.csv", "breast.xlsx"])
def test_a_table_that_is_no_npz_file_is_told_how_to_become_one(source: str) -> None:
    message = problem_of(data={"d": {"source": source}})
    assert 'np.savez("breast.npz", x=..., y=...)' in message
    assert "source: npz:breast.npz" in message


@pytest.mark.parametrize(
    ("fault", "way"),
    [
        ("y is wrong; got (569,) of dtype |O", ".astype(str)"),
        ("d.npz is not an .npz file that can be read: File is not a zip file", "np.savez("),
    ],
)
def test_arrays_that_cannot_be_read_are_followed_by_the_line_that_writes_them(
    fault: str, way: str
) -> None:
    with pytest.raises(ConfigError, match=r"config\.yaml: ") as caught, refused_in("config.yaml"):
        raise DataError(fault)
    assert way in str(caught.value)


def test_one_value_in_the_place_of_a_section_or_a_list() -> None:
    message = problem_of(tasks={"t": {"benchmark": "small", "seeds": 3}})
    assert "tasks.t.benchmark: a mapping is needed, such as {space: small}" in message
    assert "tasks.t.seeds: a list is needed, such as [0, 1, 2], got 3" in message


def test_a_missing_configuration_says_where_it_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "confg.yaml").touch()
    with pytest.raises(ConfigError) as caught:
        read_values(tmp_path / "config.yaml")
    message = str(caught.value)
    assert "files there: confg.yaml" in message and "--config FILE" in message
    assert f"in the folder {tmp_path}" in message and "docs/tutorial.md" in message


@pytest.mark.parametrize("text", ["data:\n  a: 1\n b: 2\n", "data:\n  a: 1\n   b: 2\n"])
def test_wrong_indentation_is_said_in_plain_words_with_the_line(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_values(text, "c.yaml")
    message = str(caught.value)
    assert message.startswith("c.yaml, line 3: ") and "b: 2" in message and "indented" in message
    assert "block" not in message


def test_a_missing_file_says_where_it_was_looked_for_and_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "breast.npz").touch()
    message = _no_file(tmp_path / "brest.npz")
    assert f"looked for in {tmp_path}, which has breast.npz: did you mean it?" in message
    assert "which has breast.npz" in _no_file(tmp_path / "other.npz")
    assert "which is no folder" in _no_file(tmp_path / "no/other.npz")


class Sine(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.sin(x)


def test_own_classes_of_a_network_are_listed() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2), Sine(), nn.Dropout(), nn.Linear(2, 2))
    message = own_classes(network, ["Sin"])
    assert "without parameters: Sine (did you mean 'Sine'?)" in message
    assert "replace: {types: [Sine]}" in message
    assert own_classes(nn.Sequential(nn.Flatten(), nn.Linear(2, 2))) == ""


def test_an_estimate_never_says_that_the_unknown_takes_no_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unknown = Stage("t", "table", 10, 0, 0, 1, 0, None, False)
    _print([unknown])
    said = " ".join(capsys.readouterr().out.split())
    assert "CPU time left: unknown until some trainings are done" in said and "0 s" not in said
    _print([unknown, Stage("t", "final", 10, 0, 0, 1, 0, 6.0, True)])
    assert "time left: 60 s, and more for what is shown as ?" in capsys.readouterr().out


def test_the_best_so_far_follows_the_order_of_tables() -> None:
    watcher = Watcher.__new__(Watcher)
    watcher._config = parse_config(SMALL)
    task = next(iter(watcher._config.tasks))
    trials = [Trial("p", True, name, "completed", 0.5) for name in ("tanh(x)", "abs(x)", "sin(x)")]
    best = watcher._highest(task, [*trials, Trial("p", True, "relu(x)", "completed", 0.4)])
    assert best is not None and (best.function, best.score) == ("abs(x)", 0.5)


def test_the_verdict_is_among_the_commands() -> None:
    load_commands()
    assert "verdict" in CliRunner().invoke(app, ["--help"]).stdout


def test_check_notes_a_softmax_and_coarse_bins_and_is_right_at_its_end_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_commands()
    (tmp_path / "newcomers_net.py").write_text(
        "from torch import nn\n"
        "def soft(input_shape, n_outputs):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.GELU(),\n"
        "                         nn.Linear(8, 10), nn.Softmax(-1))\n"
        "def broken(input_shape, n_outputs):\n"
        "    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))\n"
    )
    recipe = "{optimizer: sgd, epochs: 1, learning_rate: 0.1, batch_size: 50}"
    for name in ("soft", "broken"):
        (tmp_path / f"{name}.yaml").write_text(
            "data:\n  d: {source: digits, split: {train: 300, validation: 100, test: 100}}\n"
            "spaces:\n  s: {schemas: [three-node], include: [baselines], sample: 150}\n"
            f"tasks:\n  t: {{data: d, model: 'newcomers_net:{name}', benchmark: {{space: s}}, "
            f"recipe: {recipe}, final: {{functions: 2, seeds: [10, 11]}}}}\n"
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    right = CliRunner().invoke(app, ["check", "--config", "soft.yaml"])
    text = " ".join(right.stdout.split())
    assert "4 (Softmax) is the last layer" in text and "leave it out" in text
    assert "fewer than 5 bins" in text and "minimum_bins" in text
    assert "gelu(x), which the network has now, is no baseline" in text
    assert "(baselines: modern has it)" in text
    assert "2 seeds are too few for a verdict on 9 comparisons; 9 would do" in text
    assert right.stdout.endswith("all is right: a run can start\n")
    wrong = CliRunner().invoke(app, ["check", "--config", "broken.yaml"])
    assert "no activation was replaced" in str(wrong.exception)
    assert "all is right" not in wrong.stdout
