"""The project's own files: locks, environment, pages; `make lint` checks the rooms."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _pins(*names: str) -> dict[str, str]:
    pins = {}
    for name in names:
        for line in (ROOT / "envs" / name).read_text().splitlines():
            if line and not line.startswith("#"):
                package, version = line.split(";")[0].strip().split("==")
                pins[package] = version
    return pins


def test_conda_environment_has_the_versions_of_the_lock() -> None:
    environment = yaml.safe_load((ROOT / "envs/environment.yaml").read_text())
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    lock = (ROOT / "envs/requirements.lock").read_text().splitlines()
    assert pip == [line for line in lock if not line.startswith("#")]


def test_every_dependency_is_locked() -> None:
    pins = _pins("requirements.lock", "requirements-dev.lock")
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for requirement in map(Requirement, chain.from_iterable(groups)):
        version = pins[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), requirement


def test_torch_is_the_pinned_one() -> None:
    pins = _pins("requirements.lock")
    assert (pins["torch"], pins["torchvision"]) == ("2.14.1", "0.29.1")


def test_version_is_said_once_everywhere() -> None:
    version = PROJECT["version"]
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == version
    assert f'__version__ = "{version}"' in (ROOT / "src/actsearch/__init__.py").read_text()
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text()


def test_pages_list_the_rooms_that_are_enforced() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (rooms,) = [rule["layers"] for rule in rules["contracts"] if rule["type"] == "layers"]
    for page, row in (
        ("docs/architecture.md", r"^\| `(\w+)` \|"),
        ("CONTRIBUTING.md", r"^\| `(\w+)/` \|"),
    ):
        assert re.findall(row, (ROOT / page).read_text(), re.MULTILINE) == rooms[::-1], page


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
