"""Whatever a step executes is covered by its digest of code: no line computes outside of it.

Functions are traced, in the processes of the commands themselves: not what runs when a module is
imported, not constants, and not what several training processes or decoding workers do.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from experiment import BIN, ROOT, Experiment
from tracing import Trace, covered, environment, read_traces, uncovered

from actsearch.plan.steps import STEPS

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

# Steps that the small experiment lacks: those of an imported table are traced in test_act_bench.py,
# those of stages in test_stages.py, a screen in test_screen.py, what other tasks say in
# test_search_strategies.py, and what is fetched is no result.
OTHERS = {
    "fetch",
    "fetch-act-bench",
    "import-act-bench",
    "imported-table",
    "published-features",
    "export-imported",
    "stage",
    "train-stage",
    "rank-stage",
    "screen",
    "priors",
}


# Read by name or by kind in other experiments: image files and torchvision's sets, augmentation.
IMAGES = {
    f"actsearch.data.{name}"
    for name in (
        "decoding",
        "image_files",
        "images",
        "pixels",
        "sources.checks",
        "sources.contents",
        "sources.folders",
        "sources.kinds",
        "sources.manifests",
        "sources.parts",
        "torchvision_sets",
    )
}
# Data that are a function of the user's, and modules of the user's.
FUNCTIONS = {"actsearch.data.user_arrays"}
USERS = {f"actsearch.records.{name}" for name in ("imports", "mentions", "sources")}
# Its functions are called from NumPy's side, which trainings and spectra do not evaluate.
OPERATORS = {"actsearch.functions.built_in_operators"}
# The format reads files too, whose names it parses.
EXPRESSIONS = {f"actsearch.functions.{name}" for name in ("expressions", "operators", "syntax")}
# Exchanged while plain functions are called, which the small experiment's networks do not.
PLAIN = {"actsearch.functions.recomputation"}
# What sends calls in networks elsewhere: a function by itself makes none.
SCOPES = {f"actsearch.functions.{name}" for name in ("call_modes", "call_scopes", "known")}
# Gradients of large tensors, and spectra on a GPU.
LARGE, ON_A_GPU = "actsearch.functions.derivatives", "actsearch.features.unfolding"
# Names of columns are put together when a module is imported.
COLUMNS = {"actsearch.features.columns"}
# In the digest of a step, and never executed by it in the small experiment. What it costs: an edit
# there makes the step's files again.
IDLE = {
    "costs": {*OPERATORS, *PLAIN, *SCOPES},
    # Recipes that do not compile have their functions measured as they stand.
    "final-costs": {*OPERATORS, *PLAIN, *SCOPES, "actsearch.training.compilation"},
    # Trainings that were fitted on validation examples say nothing of them.
    "final": {"actsearch.benchmark.runs"},
    "history": COLUMNS,
    # Of what stages scored, it takes the best.
    "finalists": {*COLUMNS, "actsearch.search.stages"},
    "train": {*IMAGES, *FUNCTIONS, *OPERATORS, *PLAIN, LARGE},
    "train-final": {*IMAGES, *FUNCTIONS, *OPERATORS, *PLAIN, LARGE},
    "fim": {*IMAGES, *FUNCTIONS, "actsearch.data.augmentation", *OPERATORS, LARGE, ON_A_GPU},
    "map": OPERATORS,
    "export": {*OPERATORS, *EXPRESSIONS},
    # It asks what files depend on, which is little where the user has no operators; and Snakemake,
    # which answers in a process of its own.
    "audit": {
        *OPERATORS,
        *USERS,
        *(f"actsearch.functions.{n}" for n in ("expressions", "misspelt", "schemas", "syntax")),
        "actsearch.plan.internals",
        # And whether data are what their manifests say, which the digits have none of.
        *(
            f"actsearch.data.sources.{name}"
            for name in ("checks", "contents", "folders", "headers", "layouts")
        ),
        *(f"actsearch.data.sources.{name}" for name in ("kinds", "manifests", "names", "parts")),
        # Of trials whose list was made again, which a first run has none of.
        "actsearch.plan.proposed",
    },
    # It copies the text of these; the function's value at 0 is NumPy's.
    "final-activation": {"actsearch.functions.torch_operators"},
}


@pytest.fixture(scope="session")
def traces(finished: Experiment) -> list[Trace]:
    return read_traces(finished.folder.with_name("traces"))


def test_each_step_is_traced(traces: list[Trace]) -> None:
    assert {trace.step for trace in traces} == set(STEPS) - OTHERS
    assert all(STEPS[trace.step].module in trace.modules for trace in traces)


def test_what_computes_is_in_the_digest(traces: list[Trace], finished: Experiment) -> None:
    found = {t.arguments: uncovered(t, covered(finished.folder, t)) for t in traces}
    assert len(found) == len(traces)
    assert not {words: names for words, names in found.items() if names}


def test_what_is_in_the_digest_is_executed(traces: list[Trace], finished: Experiment) -> None:
    idle: dict[str, set[str]] = {}
    for trace in traces:
        reached = set(filter(has_functions, covered(finished.folder, trace)))
        # Of a step's commands, one that executes it is enough.
        idle[trace.step] = idle.get(trace.step, reached) & (reached - trace.modules)
    listed = {step: IDLE.get(step, set()) for step in idle}
    assert not {step: idle[step] ^ listed[step] for step in idle if idle[step] != listed[step]}


def has_functions(module: str) -> bool:
    """Whether a module has functions of its own; packages and tables are run by their import."""
    path = Path(str(importlib.util.find_spec(module).origin))  # type: ignore[union-attr]
    if path.name == "__init__.py":
        return False
    tree = ast.parse(path.read_text())
    return any(isinstance(node, ast.FunctionDef) for node in ast.walk(tree))


@pytest.mark.parametrize(
    ("home", "told"),
    [
        ("cli/recording.py", "actsearch.cli.recording:selected_slugs"),
        ("cli/progress.py", "actsearch.cli.progress:selected_slugs"),
        ("plan/layout.py", "actsearch.plan.layout:selected_slugs"),
        ("plan/dependencies.py", "actsearch.plan.dependencies:selected_slugs"),
        ("records/packs.py", "actsearch.records.packs:selected_slugs"),
        ("records/formats/csv_files.py", "actsearch.records.formats.csv_files:selected_slugs"),
    ],
)
def test_a_line_that_computes_elsewhere_is_found(
    home: str, told: str, finished: Experiment, tmp_path: Path
) -> None:
    sources = tmp_path / "src"
    shutil.copytree(ROOT / "src" / "actsearch", sources / "actsearch")
    listed = (sources / "actsearch/functions/listed.py").read_text()
    moved = listed[listed.index("def selected_slugs") :]
    with (sources / "actsearch" / home).open("a") as file:
        file.write(f"\n\n{moved}")
    command = sources / "actsearch/cli/steps/benchmark.py"
    module = f"actsearch.{home.removesuffix('.py').replace('/', '.')}"
    text = command.read_text()
    assert "actsearch.functions.listed import selected_slugs" in text
    command.write_text(text.replace("actsearch.functions.listed", module))
    folder = tmp_path / "traces"
    folder.mkdir()
    words = ["benchmark", "--task", "tiny", "--trials", "results/tiny/trials"]
    words += ["--functions", "results/spaces/small/functions.parquet", "--out", str(tmp_path / "t")]
    done = subprocess.run(
        [str(BIN / "actsearch"), *words],
        cwd=finished.folder,
        env=os.environ | environment(folder, str(sources)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (trace,) = read_traces(folder)
    assert told in uncovered(trace, covered(finished.folder, trace))
