"""A command given what it cannot use: one message, and exit code 2."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import yaml
from small_experiment import SMALL

from actsearch.cli import main


def _simulate(strategy: str) -> tuple[str, ...]:
    files = ("--map", "m.parquet", "--table", "t.parquet", "--out", "o.parquet")
    return ("simulate", "--task", "tiny", "--strategy", strategy, *files)


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (("train", "--task", "tony", "--function", "relu(x)", "--out", "a.json"), "unknown 'tony'"),
        (
            ("train", "--task", "tiny", "--function", "relu(y)", "--out", "a.json"),
            "the variable is x, not 'y': write relu(x)",
        ),
        (("train", "--task", "tiny", "--function=gelu", "--out", "a.json"), "write gelu(x)"),
        (
            ("enumerate", "--space", "small", "--exclude", "erff"),
            "spaces.small.exclude: unknown operator 'erff' (did you mean 'erf'?)",
        ),
        (("train", "--task", "tiny"), "no trial to make"),
        (("show", "conifg.yaml"), "conifg.yaml: no such file (did you mean config.yaml?)"),
        (("show", "results/nowhere.json"), "results/nowhere.json: no such file\n"),
        (("enumerate", "--space", "five-node"), "unknown 'five-node'"),
        (_simulate("random"), "m.parquet"),
        (_simulate("s"), "unknown strategy 's'"),
    ],
)
def test_bad_command(
    arguments: tuple[str, ...],
    expected: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(SMALL, sort_keys=False))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ACTSEARCH_CONFIG", raising=False)
    monkeypatch.delenv("ACTSEARCH_TRACEBACK", raising=False)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "argv", ["actsearch", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and expected in said
    assert "Traceback" not in said
