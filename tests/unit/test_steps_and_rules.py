"""A rule for each step, a step for each rule, and a command for both."""

from __future__ import annotations

import re
from pathlib import Path

import typer.main

from actsearch.cli.app import app, load_commands
from actsearch.plan.settings import nothing
from actsearch.plan.steps import STEPS

RULES = Path(__file__).parents[2] / "workflow" / "rules"
COMMAND = re.compile(r"\bactsearch ([a-z-]+(?: --final)?)")


def test_rules_and_steps_are_the_same() -> None:
    text = "\n".join(path.read_text() for path in RULES.glob("*.smk"))
    shells = re.findall(r"shell:\n((?: +\".*\"\n)+)", text)
    called = {COMMAND.search(shell).group(1) for shell in shells}  # type: ignore[union-attr]
    assert called == {" ".join(step.words) for step in STEPS.values()}
    # Each names its step's digest of code; a manifest stands for data whatever code fetched them.
    digests = set(re.findall(r"PLAN\.code\(\s*\"([a-z-]+)\"", text))
    assert digests == STEPS.keys() - {"fetch", "fetch-act-bench"}
    digests = set(re.findall(r"PLAN\.settings\(\s*\"([a-z-]+)\"", text))
    assert digests == {s.name for s in STEPS.values() if s.settings is not nothing} - {"fetch"}


def test_each_step_is_a_command_in_a_module_of_its_own() -> None:
    load_commands()
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for step in STEPS.values():
        assert commands[step.words[0]].callback.__module__ == step.module
    modules = {step.module for step in STEPS.values()}
    folder = Path(__file__).parents[2] / "src" / "actsearch" / "cli" / "steps"
    files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert files == {module.rpartition(".")[2] for module in modules}


def test_what_a_step_reads_is_what_another_makes() -> None:
    made = {path for step in STEPS.values() for path in step.makes}
    anything = "results/{file}"
    for step in STEPS.values():
        # A scope is empty, or search/.
        known = made | {path.replace("{scope}", s) for path in made for s in ("", "search/")}
        assert set(step.reads) <= known | {anything}, step.name
