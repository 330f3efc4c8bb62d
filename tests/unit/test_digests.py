"""What enters a code digest, and what does not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from actsearch.config import load_config
from actsearch.plan.dependencies import step_modules
from actsearch.plan.steps import STEPS
from actsearch.records import code
from actsearch.records.code import code_digest, module_digests, reached_modules, source_digest
from actsearch.records.digests import DigestError, settings_digest

SOURCE = '''
"""About the module."""
LIMIT = 3
"""About the limit."""

def f(x):
    """About f."""
    return x + LIMIT  # why
'''


def test_comments_docstrings_and_layout_do_not_count() -> None:
    edited = '"""Other words."""\nLIMIT=3\ndef f(x): return (x +\n  LIMIT)\n'
    assert source_digest(edited) == source_digest(SOURCE)


@pytest.mark.parametrize("old, new", [("+ LIMIT", "- LIMIT"), ("= 3", "= 4"), ("f(x)", "f(y)")])
def test_code_counts(old: str, new: str) -> None:
    assert source_digest(SOURCE.replace(old, new)) != source_digest(SOURCE)


def test_settings_digest_ignores_order_alone() -> None:
    assert settings_digest({"a": 1, "b": [1, 2]}) == settings_digest({"b": [1, 2], "a": 1})
    assert settings_digest({"a": [1, 2]}) != settings_digest({"a": [2, 1]})


def test_training_does_not_reach_features_search_or_report() -> None:
    reached = reached_modules([STEPS["train"].module, *STEPS["train"].further])
    rooms = {module.split(".")[1] for module in reached} - {"cli"}
    assert rooms == {"data", "functions", "networks", "training"}
    commands = [module for module in reached if module.startswith("actsearch.cli")]
    assert commands == ["actsearch.cli.steps.train"]
    assert "actsearch.functions.torch_operators" in reached
    assert not [module for module in reached if module.startswith("actsearch.networks.models.")]


def test_a_task_reaches_its_own_network_alone() -> None:
    config = load_config(Path(__file__).parents[2] / "config.yaml")
    for step in ("train", "train-final", "fim"):
        reached = reached_modules(step_modules(step, config, "mnist1d-mlp"))
        networks = [m for m in reached if m.startswith("actsearch.networks.models.")]
        assert networks == ["actsearch.networks.models.mlp"]


def test_features_do_not_reach_the_training_loop() -> None:
    assert "actsearch.training.trial" not in reached_modules([STEPS["fim"].module])


def test_every_step_reaches_what_it_says() -> None:
    for step in STEPS.values():
        modules = {step.module, *step.further}
        assert modules <= set(reached_modules(modules)), step.name


def test_steps_differ_in_code() -> None:
    assert code_digest(STEPS["fim"].module) != code_digest(STEPS["train"].module)


def test_options_of_a_command_and_their_help_are_no_code() -> None:
    before = "@app.command()\ndef f(a: Annotated[int, Option(help='x')] = 1) -> None:\n    g(a)\n"
    after = "@app.command('f')\ndef f(a: Annotated[int, Option(help='y')] = 1) -> int:\n    g(a)\n"
    assert source_digest(before, is_command=True) == source_digest(after, is_command=True)
    assert source_digest(before) != source_digest(after)
    changes = (
        ("g(a)", "g(a + 1)"),
        ("= 1", "= 2"),
        ("@app.command('f')", "@app.command('f')\n@twice"),
    )
    for edited in (after.replace(*change) for change in changes):
        assert source_digest(edited, is_command=True) != source_digest(after, is_command=True)


def test_carriers_are_neither_reached_nor_looked_behind() -> None:
    reached = reached_modules([STEPS["propose"].module])
    assert "actsearch.search.rounds" in reached
    assert not [m for m in reached if m.startswith(("actsearch.plan", "actsearch.records"))]
    # What the plan imports and the step does not use:
    assert "actsearch.functions.spaces" not in reached
    assert "actsearch.records.audit" in reached_modules(STEPS["audit"].further)


def test_unknown_module_is_named() -> None:
    with pytest.raises(DigestError, match="nothing_here"):
        code_digest("nothing_here")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's package: net imports blocks, which imports parts.deep relatively; aside is alone."""
    monkeypatch.syspath_prepend(tmp_path)
    sources = {
        "__init__.py": "",
        "net.py": "import torch\nfrom ours import blocks\nfrom ours.nowhere import x\n",
        "blocks.py": "from .parts.deep import f\nfrom . import net\n",
        "parts/__init__.py": "",
        "parts/deep.py": "f = 1\n",
        "aside.py": "",
        "broken.py": "f = (1\n",
    }
    for name, text in sources.items():
        (tmp_path / "ours" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "ours" / name).write_text(text)
    return tmp_path / "ours"


def test_a_users_module_brings_what_it_imports_of_its_package(package: Path) -> None:
    wanted = ["ours", "ours.blocks", "ours.net", "ours.parts", "ours.parts.deep"]
    assert sorted(module_digests("ours.net")) == wanted
    assert sorted(module_digests("ours.aside")) == ["ours", "ours.aside"]
    (package / "__init__.py").unlink()  # a package all the same
    module_digests.cache_clear()
    code._reached_from.cache_clear()
    assert sorted(module_digests("ours.net")) == wanted[1:]
    assert list(module_digests("numpy.linalg")) == ["numpy.linalg"]


def test_a_users_module_that_is_no_python_is_named(package: Path) -> None:
    with pytest.raises(DigestError, match=r"'ours\.broken' is not valid Python: .*line 1"):
        code_digest("ours.broken")


def test_what_the_workflow_imports_is_light() -> None:
    program = (
        "import sys, actsearch.cluster.start, actsearch.plan.refusals;"
        "import actsearch.benchmark.act_bench.check;"
        "print([m for m in ('torch', 'pandas', 'sklearn', 'pyarrow', 'umap') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
