"""The command line as people meet it: groups, completion, and what --help takes to start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from result_folders import make_results
from typer.testing import CliRunner

from actsearch.cli.app import app, flowing, load_commands, name_of
from actsearch.cli.arguments import (
    complete_configured_task,
    complete_function,
    complete_task,
    is_slug,
    read_function,
)
from actsearch.cli.contents import GROUPS, STEPS, place_of
from actsearch.functions.expressions import ExpressionError
from actsearch.plan.steps import STEPS as RECORDS
from actsearch.records import shipped

RIDDLES = ("stands", "told", "hang on", "tells", "gone on")


@pytest.fixture(scope="module", autouse=True)
def commands() -> None:
    load_commands()


def test_every_command_is_in_a_group_and_every_group_has_its_commands() -> None:
    names = [name_of(command) for command in app.registered_commands]
    assert len(set(names)) == len(names)
    listed = {name for group in GROUPS.values() for name in group}
    assert listed <= set(names)
    steps = {step.words[0] for step in RECORDS.values()}
    for command in app.registered_commands:
        name = name_of(command)
        group = next((group for group, known in GROUPS.items() if name in known), STEPS)
        assert command.rich_help_panel == group
        assert group != STEPS or name in steps
    with pytest.raises(LookupError, match="'new' is in no group"):
        place_of("new", [])


def test_groups_come_in_order_and_steps_last() -> None:
    said = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "100"}).stdout
    places = [said.index(group) for group in (*GROUPS, STEPS)]
    assert places == sorted(places)
    assert "--install-completion" in said


def test_the_help_of_each_command_is_one_plain_line() -> None:
    for command in app.registered_commands:
        assert command.callback is not None and command.callback.__doc__
        first = command.callback.__doc__.strip().split("\n\n")[0]
        assert "\n" not in first and len(first) < 100 and first.endswith(".")
        assert not [riddle for riddle in RIDDLES if f" {riddle} " in first], first


def test_paragraphs_of_help_flow_and_lists_do_not() -> None:
    assert flowing("With\n--format latex.") == "With --format latex."
    assert flowing("One\nline.\n\n- a\n- b\n\nAnd\nmore.") == "One line.\n\n- a\n- b\n\nAnd more."


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_results(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    return tmp_path


def test_tasks_are_completed(folder: Path) -> None:
    assert complete_task("") == sorted(["digits", *shipped.tables_in(shipped.FOLDER)])
    assert complete_task("digits")[0] == "digits"
    assert complete_task("none") == []


def test_tasks_of_the_configuration_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    assert complete_configured_task("") == []
    Path("config.yaml").write_text("tasks: {one: {}, other: {}, third: {}}")
    assert complete_configured_task("o") == ["one", "other"]
    Path("config.yaml").write_text("tasks: [")
    assert complete_configured_task("o") == []


def test_functions_are_completed_by_their_slugs(folder: Path) -> None:
    assert "mul.x.sigmoid.x" in complete_function("mul.")  # trained here
    assert complete_function("soft") == ["softplus.x", "softsign.x"]  # baselines
    assert all(read_function(slug).slug == slug for slug in complete_function(""))


HEAVY = "import sys; sys.argv = ['actsearch', {words}]\nfrom actsearch.cli import main\n"
CHECK = "\n".join(
    [
        "try:\n    main()\nexcept SystemExit as ended:\n    code = ended.code",
        "found = [name for name in ('torch', 'pandas', 'scipy', 'matplotlib', 'onnx', 'sympy')"
        " if name in sys.modules]",
        "print('\\nheavy:', found, code)",
    ]
)


@pytest.mark.parametrize(
    "words, environment, expected",
    [
        ("'--help'", {}, "Steps: what the rules"),
        ("'slug', 'mul(sigmoid(x), erf(x))'", {}, "mul.sigmoid.x.erf.x"),
        (
            "",
            {
                "_ACTSEARCH_COMPLETE": "complete_bash",
                "COMP_WORDS": "actsearch top dig",
                "COMP_CWORD": "2",
            },
            "digits",
        ),
        (
            "",
            {
                "_ACTSEARCH_COMPLETE": "complete_bash",
                "COMP_WORDS": "actsearch explain mul.x",
                "COMP_CWORD": "2",
            },
            "mul.x.sigmoid.x",
        ),
    ],
)
def test_help_slugs_and_completion_start_nothing_heavy(
    words: str, environment: dict[str, str], expected: str, folder: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HEAVY.format(words=words) + CHECK],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert expected in done.stdout
    assert "heavy: [] 0" in done.stdout


@pytest.mark.parametrize("text", ["relu.x", "mul.sigmoid.x.erf.x", " sum_n3.x.x.x ", "x"])
def test_slugs_are_read_as_such(text: str) -> None:
    assert is_slug(text)
    assert read_function(text).slug == text.strip()


@pytest.mark.parametrize("text", ["relu(x)", "mul(sigmoid(x), erf(x))", "sum_n(x,x,x)"])
def test_names_are_read_as_such(text: str) -> None:
    assert not is_slug(text)
    assert read_function(text).name == text.replace(" ", "")


@pytest.mark.parametrize(
    "text, message",
    [("rel.x", "did you mean 'relu'"), ("tanh(y)", "'y'"), ("relu", r"write relu\(x\)")],
)
def test_what_is_neither_gets_the_parsers_message(text: str, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        read_function(text)


def test_own_operators_come_from_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import yaml
    from small_experiment import SMALL

    from actsearch.functions import operators

    monkeypatch.setattr(operators, "_registry", dict(operators._registry))
    monkeypatch.setattr(operators, "_modules", dict(operators._modules))
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "operators_of_a_look.py").write_text(
        "import numpy as np\nfrom actsearch import Operator, register\n"
        'register(Operator("look_sine", 1, numpy=np.sin, torch="torch.sin"))\n'
    )
    config = tmp_path / "config.yaml"
    config.write_text(yaml.safe_dump(SMALL | {"operators": ["operators_of_a_look"]}))
    assert read_function("look_sine.x", config).name == "look_sine(x)"
    with pytest.raises(ExpressionError, match=r"'look_cosine' \(did you mean 'look_sine'\?\)"):
        read_function("look_cosine.x", config)


def test_a_configuration_with_a_mistake_does_not_hide_that_of_a_name(tmp_path: Path) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("tasks: 3")
    assert read_function("relu.x", config).name == "relu(x)"
    with pytest.raises(ExpressionError, match=r"(?s)'rel'.*own operators are not known.*tasks"):
        read_function("rel.x", config)
