"""What a user can get wrong: one clear message, before any job starts.

All cases are tried as function calls in tests/unit/test_refusals.py; here is one of each place at
which something is found.
"""

from __future__ import annotations

import copy
import subprocess
from pathlib import Path

import pytest
from bad_configurations import BAD
from experiment import BIN, SMALL, Experiment

pytestmark = pytest.mark.workflow

CASES = (
    "unknown key",  # the schema
    "unknown operator",  # a space
    "search too large",  # the plan
    "network that cannot be found",  # a digest of code
    "missing images",  # data
    "activations that are not there",  # a network, tried out
    "operator module missing",
)


@pytest.mark.parametrize("case", CASES)
def test_bad_configuration(case: str, fresh: Experiment) -> None:
    change, expected = BAD[case]
    config = copy.deepcopy(SMALL)
    change(config)
    fresh.configure(config)
    assert expected in fresh.message()


@pytest.mark.parametrize(
    "files, expected",
    [
        (
            {"operators.py": "from numpy import sine"},
            "cannot import 'lab.operators' (ImportError: cannot import name 'sine' from 'numpy'",
        ),
        (
            {
                "operators.py": "from actsearch import Operator, register\n"
                "register(Operator('odd', 2, numpy=lambda x: x, torch='torch.add'))"
            },
            "operator 'odd': the NumPy side fails with 2 arrays of 5 numbers: TypeError",
        ),
        ({"operators.py": "", "network.py": "x = (1"}, "module 'lab.network' is not valid Python"),
    ],
)
def test_bad_code_of_the_users(files: dict[str, str], expected: str, fresh: Experiment) -> None:
    config = copy.deepcopy(SMALL)
    config["operators"] = ["lab.operators"]
    config["tasks"]["tiny"]["model"] = "lab.network:build"
    fresh.configure(config)
    (fresh.folder / "lab").mkdir()
    for name, text in files.items():
        (fresh.folder / "lab" / name).write_text(text)
    assert expected in fresh.message()


@pytest.mark.parametrize(
    "target, expected",
    [
        ("results/tinny/benchmark.parquet", "no task 'tinny'; tasks: tiny"),
        ("results/tiny/trials/mul.rleu.x.x.json", "did you mean 'relu'?"),
        ("results/tiny/nothing.json", "No rule to produce results/tiny/nothing.json"),
        ("results/tiny/simulation/unionknr.parquet", "No rule to produce"),
    ],
)
def test_bad_target(target: str, expected: str, fresh: Experiment) -> None:
    assert expected in fresh.message(target)


def _actsearch(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "actsearch"), *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("train", "--task", "tony", "--function", "relu(x)", "--out", "a.json"), "unknown 'tony'"),
        (
            ("train", "--task", "tiny", "--function", "relu(y)", "--out", "a.json"),
            "unknown operator 'y'",
        ),
        (("train", "--task", "tiny"), "no trial to make"),
        (("enumerate", "--space", "five-node"), "unknown 'five-node'"),
        (
            (
                "simulate",
                "--task",
                "tiny",
                "--strategy",
                "s",
                "--map",
                "m.parquet",
                "--table",
                "t.parquet",
                "--out",
                "o.parquet",
            ),
            "m.parquet",
        ),
    ],
)
def test_bad_command(arguments: tuple[str, ...], expected: str, fresh: Experiment) -> None:
    done = _actsearch(fresh.folder, *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ") and expected in done.stderr
    assert "Traceback" not in done.stderr
