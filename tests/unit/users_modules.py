"""A working folder with modules of the user's, and what of them is reached."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from actsearch.records import code
from actsearch.records.code import module_digests
from actsearch.records.imports import users_modules
from actsearch.records.search_path import working_folder_last


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, looked into last."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.setenv("PYTHONSAFEPATH", "1")
    module_digests.cache_clear()
    code._reached_from.cache_clear()
    working_folder_last()
    return home


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def reached(entry: str = "net") -> list[str]:
    return sorted(users_modules(entry).modules)
