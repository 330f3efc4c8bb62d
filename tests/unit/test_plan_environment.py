"""How commands find the configuration and the workflow."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from actsearch.config import ConfigError, read_values
from actsearch.plan.environment import (
    command_prefix,
    configuration_file,
    configuration_values,
    is_asked_for_outputs,
    one_of,
)
from actsearch.records.digests import settings_digest

VALUES: dict[str, Any] = {"data": {"b": [1, {"c": 2}], "a": None}, "seeds": [0, 1]}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_pattern_matches_the_names_and_nothing_else() -> None:
    pattern = one_of(["tiny", "tiny-wide", "a.b"])
    assert all(re.fullmatch(pattern, name) for name in ("tiny", "tiny-wide", "a.b"))
    assert not any(re.fullmatch(pattern, name) for name in ("axb", "tin", "tiny-", "", "tinytiny"))
    assert one_of(iter(["tiny"])) == "tiny"


def test_a_pattern_of_no_names_matches_nothing() -> None:
    assert not any(re.match(one_of([]), text) for text in ("", "x", "tiny"))


def test_a_single_file_is_named_as_it_is(folder: Path) -> None:
    (folder / "config").mkdir()
    (folder / "config" / "mine.yaml").write_text(yaml.safe_dump(VALUES))
    for name in ("config/mine.yaml", str(folder / "config" / "mine.yaml")):
        assert configuration_file(VALUES, [name], str(folder / "Snakefile")) == {
            "ACTSEARCH_CONFIG": "config/mine.yaml",
            "ACTSEARCH_SNAKEFILE": "Snakefile",
        }
    assert not (folder / ".snakemake").exists()


def test_paths_outside_the_working_folder_are_relative_to_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.yaml").write_text(yaml.safe_dump(VALUES))
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    told = configuration_file(VALUES, [str(folder / "config.yaml")], str(folder / "Snakefile"))
    assert told == {"ACTSEARCH_CONFIG": "../config.yaml", "ACTSEARCH_SNAKEFILE": "../Snakefile"}


def test_a_configuration_is_put_together_as_snakemake_does(folder: Path) -> None:
    (folder / "one.yaml").write_text("a: {b: 1, c: [1, 2]}\nd: 1e-3\ne: {f: 1}")
    (folder / "two.yaml").write_text("a: {c: [3]}\ne: 2")
    options = ["a={b: 2e-1, g: '8'}", "h=text", "i=", "a={j: true}"]
    assert configuration_values(["one.yaml"], []) == read_values("one.yaml")
    assert configuration_values(["one.yaml", "two.yaml"], options) == {
        "a": {"b": 0.2, "c": [3], "g": "8", "j": True},
        "d": 0.001,
        "e": 2,
        "h": "text",
        "i": None,
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["a=1", "a=2"], "--config gives a twice"),
        (["a={b: {c: 1}}", "a={b: {c: 2}}"], "--config gives a.b.c twice"),
        (["a={b: 1}", "a=2"], "--config gives a twice"),
        (["a={b: 1, b: 2}"], "--config a, line 1: b: the key is there twice"),
    ],
)
def test_values_given_twice_are_refused(options: list[str], expected: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(expected)):
        configuration_values([], options)


@pytest.mark.parametrize("files", [["one.yaml"], ["one.yaml", "two.yaml"], []])
def test_what_was_merged_is_written_once_under_its_digest(files: list[str], folder: Path) -> None:
    (folder / "one.yaml").write_text(yaml.safe_dump({"seeds": [0]}))
    (folder / "two.yaml").write_text(yaml.safe_dump(VALUES))
    path = configuration_file(VALUES, files, "Snakefile")["ACTSEARCH_CONFIG"]
    assert path == f".snakemake/config/{settings_digest(VALUES)[-16:]}.yaml"
    assert yaml.safe_load(Path(path).read_text()) == VALUES
    assert list(yaml.safe_load(Path(path).read_text())["data"]) == ["b", "a"], "the order is kept"
    written = Path(path).stat()
    assert configuration_file(VALUES, files, "Snakefile")["ACTSEARCH_CONFIG"] == path
    assert (Path(path).stat().st_mtime_ns, Path(path).stat().st_ino) == (
        written.st_mtime_ns,
        written.st_ino,
    )
    other = configuration_file({**VALUES, "seeds": [2]}, files, "Snakefile")["ACTSEARCH_CONFIG"]
    assert other != path
    assert {p.name for p in Path(path).parent.iterdir()} == {Path(path).name, Path(other).name}


def test_what_precedes_a_command_quotes_paths() -> None:
    told = {"ACTSEARCH_CONFIG": "my config's/a;b $HOME.yaml", "ACTSEARCH_SNAKEFILE": "../Snakefile"}
    prefix = command_prefix(told)
    assert prefix.startswith("set -euo pipefail; export PATH=")
    assert prefix.endswith("; ")
    show = 'printf "%s\\n" "$ACTSEARCH_CONFIG" "$ACTSEARCH_SNAKEFILE" "${PATH%%:*}"'
    done = subprocess.run(["bash", "-c", prefix + show], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [*told.values(), str(Path(sys.executable).parent)]
    failing = subprocess.run(["bash", "-c", f"{prefix}false | cat; echo on"], capture_output=True)
    assert failing.returncode == 1 and failing.stdout == b""


def test_a_process_is_asked_for_outputs_where_a_file_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ACTSEARCH_OUTPUTS", raising=False)
    assert not is_asked_for_outputs()
    monkeypatch.setenv("ACTSEARCH_OUTPUTS", "answer.json")
    assert is_asked_for_outputs()
