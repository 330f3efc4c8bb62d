"""Steps, commands and rules agree: each step has a command and a rule, and no rule is without."""

from __future__ import annotations

import copy
import itertools
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from small_experiment import SMALL

from actsearch.cli.app import app, load_commands
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.plan.outputs import Outputs
from actsearch.plan.settings import nothing
from actsearch.plan.steps import STEPS, Step

ROOT = Path(__file__).parents[2]
RULES = "\n".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
SHELL = re.compile(r"ACTSEARCH_RULE=\{params\.rule\} actsearch ([a-z-]+(?: --final)?)\b")
ASKED = re.compile(r'PLAN\.(?:code|settings)\(\s*"([a-z-]+)"')

IMPORTED = ("import-act-bench", "imported-table", "published-features", "export-imported")
"""Steps of tasks whose table is imported."""
STAGED = ("stage", "train-stage", "rank-stage")
"""Steps of tasks with stages before the last comparison."""
SCREENED = ("screen",)
"""Steps of the same task below, whose search begins with a screen."""
EXAMPLES = {
    "space": ["small", "deep"],
    "scope": ["", "search/"],
    "slug": ["relu.x", "mul.relu.abs.x.x"],
    "strategy": ["random", "union-knr", "transfer"],
    "round": ["0", "2"],
    "stage": ["0", "1"],
    "slot": ["00", "02"],
    "part": ["0", "1"],
    "data_folder": ["data"],
    "place": ["CIFAR10"],
    "table": ["cnn", "vit"],
    "source": ["Snakefile", "config.yaml", "workflow/rules/run.smk"],
}
ANY = {
    "scope": "(search/)?",
    "source": ".+",
    "file": ".+",
    "slug": r"[a-z0-9_.]+",
    "round": r"\d+",
    "slot": r"\d\d+",
    "stage": r"\d+",
    "part": r"\d+",
}


def wildcards(path: str) -> list[str]:
    return [name for _, name, _, _ in string.Formatter().parse(path) if name]


def expanded(step: Step, **values: list[str]) -> Iterator[str]:
    """Files that a step makes, with all examples of their wildcards, or other ``values``."""
    for path in step.makes:
        names = wildcards(path)
        for chosen in itertools.product(*((EXAMPLES | values)[name] for name in names)):
            yield path.format(**dict(zip(names, chosen, strict=True)))


def examples(step: Step) -> Iterator[str]:
    """Files of a step that some rule makes in the experiment below."""
    of_step = dict.fromkeys((*IMPORTED, *SCREENED), "imported") | dict.fromkeys(STAGED, "staged")
    yield from expanded(step, task=[of_step.get(step.name, "tiny")])
    if step.name in ("finalists", "final"):  # after stages
        yield from expanded(step, task=["staged"])
    if step.name == "map":  # of published features, and of what a screen lists
        yield "results/imported/map.parquet"
        yield "results/imported/search/map.parquet"
    if step.name == "priors":
        yield "results/imported/search/priors.parquet"
    if step.name == "fim":
        yield "results/imported/search/fim/part-0.npz"


def matches(path: str, patterns: tuple[str, ...]) -> str | None:
    """The first of ``patterns``, paths with wildcards, that ``path`` is an example of."""
    for pattern in patterns:
        words = re.split(r"\{(\w+)\}", pattern)
        words[::2] = map(re.escape, words[::2])
        words[1::2] = [ANY.get(name, "[^/]+") for name in words[1::2]]
        if re.fullmatch("".join(words), path):
            return pattern
    return None


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    """What the rules make of an experiment in which every step has a part."""
    values = copy.deepcopy(SMALL)
    values["data"]["images"] = values["data"]["digits"] | {"source": "torchvision:CIFAR10"}
    bare = {key: values["tasks"]["tiny"][key] for key in ("model", "recipe", "map")}
    table = {"space": "small", "act_bench": "cnn", "published_features": True}
    stages = [{"functions": 3, "seeds": [20]}, {"functions": 3, "seeds": [21]}]
    staged = values["tasks"]["tiny"]["final"] | {"stages": stages}
    values["tasks"]["staged"] = values["tasks"]["tiny"] | {"final": staged}
    search = {"space": "whole", "screen": {"functions": 20}, "rounds": 2, "slots": 3}
    values["spaces"]["whole"] = {"schemas": ["four-node"]}
    imported = {"data": "images", "benchmark": table, "search": search, "prior_from": ["tiny"]}
    values["tasks"]["imported"] = bare | imported
    values["tasks"]["tiny"] = values["tasks"]["tiny"] | {"prior_from": ["imported"]}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("experiment"))
        patch.setenv("ACTSEARCH_SNAKEFILE", str(ROOT / "Snakefile"))
        DEFAULT_CONFIG.write_text(yaml.safe_dump(values))
        return Outputs.of_workflow(
            DEFAULT_CONFIG, [path for step in STEPS.values() for path in examples(step)]
        )


def test_every_rule_is_a_step_and_every_step_has_a_rule() -> None:
    commands = SHELL.findall(RULES)
    assert len(commands) == len(re.findall(r"^\s*shell:", RULES, re.MULTILINE))
    assert set(commands) == {" ".join(step.words) for step in STEPS.values()}


def test_a_rule_asks_for_settings_and_code_of_its_own_step() -> None:
    of_words = {" ".join(step.words): step.name for step in STEPS.values()}
    asked = set()
    for rule in re.split(r"^\s*rule(?: \w+)?:", RULES, flags=re.MULTILINE)[1:]:
        for words in SHELL.findall(rule):
            names = set(ASKED.findall(rule))
            assert names <= {of_words[words]}
            asked |= names
    # What is fetched stands for data, not for the code that fetched it.
    assert asked == set(STEPS) - {"fetch", "fetch-act-bench"}
    of_settings = set(re.findall(r"PLAN\.settings\(\s*\"([a-z-]+)\"", RULES))
    assert of_settings == {s.name for s in STEPS.values() if s.settings is not nothing} - {"fetch"}


def test_the_command_of_a_step_stands_in_its_module() -> None:
    load_commands()
    places = {}
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        places[name] = command.callback.__module__
    for step in STEPS.values():
        assert places[step.words[0]] == step.module
    modules = {path.stem for path in (ROOT / "src/actsearch/cli/steps").glob("[!_]*.py")}
    assert modules == {step.module.rpartition(".")[2] for step in STEPS.values()}


@pytest.mark.workflow
@pytest.mark.parametrize("name", STEPS)
def test_some_rule_makes_the_files_of_a_step_from_what_it_reads(
    name: str, outputs: Outputs
) -> None:
    step, read = STEPS[name], set()
    for path in examples(step):
        assert path in outputs, path
        inputs = outputs.inputs_of(path)
        assert inputs is not None, path
        for file in inputs:
            pattern = matches(file, step.reads)
            assert pattern is not None, f"{path} is made from {file}"
            read.add(pattern)
    assert read == set(step.reads), "it reads less than it says"


@pytest.mark.workflow
def test_every_file_that_a_rule_makes_is_of_a_step(outputs: Outputs) -> None:
    makes = tuple(path for step in STEPS.values() for path in step.makes)
    assert [path for path in outputs.files if matches(path, makes) is None] == []
    more = {"task": ["tiny", "imported", "staged"]}
    more["slot"] = [f"{slot:02d}" for slot in range(11)]
    made = [path for step in STEPS.values() for path in expanded(step, **more)]
    unknown = [p.pattern for p in outputs.patterns if not any(map(p.fullmatch, made))]
    assert unknown == []
