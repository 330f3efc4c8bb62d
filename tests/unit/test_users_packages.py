"""Packages of the user's that are installed in place, or were copied from a folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from users_modules import folder as folder
from users_modules import reached, write

SETUPTOOLS = """
import sys
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path

MAPPING = {mapping!r}

class _EditableFinder:
    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname in MAPPING:
            init = Path(MAPPING[fullname], "__init__.py")
            for candidate in (init, Path(f"{{MAPPING[fullname]}}.py")):
                if candidate.exists():
                    return spec_from_file_location(fullname, candidate)
        parent = fullname.rpartition(".")[0]
        if parent and parent in MAPPING:
            return PathFinder.find_spec(fullname, path=[MAPPING[parent]])
        return None

sys.meta_path.append(_EditableFinder)
"""


@pytest.mark.parametrize("first", ["__init__.py", "nothing.txt"])
def test_a_package_found_by_a_hook_is_the_users(first: str, folder: Path, tmp_path: Path) -> None:
    package = tmp_path / "labpkg/hidlab"
    write(package, {first: "", "nets.py": "from .parts import f\nimport hidlab.deep.x"})
    write(package, {"parts.py": "raise SystemExit('imported')", "deep/x.py": ""})
    mapping = {"hidlab": str(package)}
    if first != "__init__.py":  # what setuptools makes of a package without one
        sys.path.append(str(tmp_path / "labpkg"))
    exec(SETUPTOOLS.format(mapping=mapping), {})
    wanted = ["hidlab"] if first == "__init__.py" else []
    assert reached("hidlab.nets") == [*wanted, "hidlab.deep.x", "hidlab.nets", "hidlab.parts"]
    assert not {"hidlab", "hidlab.nets"} & set(sys.modules), "found without importing"


def test_a_package_that_was_copied_from_a_folder_counts_while_that_stands(
    folder: Path, tmp_path: Path
) -> None:
    site, source = tmp_path / "site-packages", tmp_path / "source of it"
    source.mkdir()
    write(site, {"copied/__init__.py": "", "copied/net.py": "from . import part"})
    write(site, {"copied/part.py": "", "index/__init__.py": "", "index/net.py": ""})
    write(site, {"copied-1.dist-info/RECORD": "copied/net.py,sha256=x,1\n../../bin/c,,\n"})
    note = json.dumps({"url": source.as_uri(), "dir_info": {}})
    write(site, {"copied-1.dist-info/direct_url.json": note})
    sys.path.append(str(site))
    write(folder, {"net.py": "import copied.net, index.net"})
    assert reached("net") == ["copied", "copied.net", "copied.part", "net"]
    assert reached("copied.net") == ["copied", "copied.net", "copied.part"]
    source.rmdir()
    sys.path.append("/")  # what was looked up is remembered for a search path
    assert reached("net") == ["net"]


@pytest.mark.slow
def test_packages_of_pip_install_e_are_found(folder: Path, tmp_path: Path) -> None:
    """As setuptools brings them: by a hook, with and without ``__init__``, under another folder."""
    source = tmp_path / "labpkg"
    project = {
        "build-system": {"requires": ["setuptools"], "build-backend": "setuptools.build_meta"},
        "project": {"name": "labpkg", "version": "0.1"},
        "tool.setuptools": {"packages": ["lab", "ns.inner", "ns.inner.sub"]},
        "tool.setuptools.package-dir": {"ns.inner": "impl"},
    }
    lines = []
    for section, values in project.items():
        lines += [
            f"[{section}]",
            *(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in values.items()),
        ]
    write(source, {"pyproject.toml": "\n".join(lines), "lab/__init__.py": "", "impl/a.py": ""})
    write(source, {"lab/nets.py": "from ns.inner import a\nfrom ns.inner.sub import b"})
    write(source, {"impl/sub/b.py": "raise SystemExit('imported')"})
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    pip += ["--disable-pip-version-check", "--prefix", str(tmp_path / "prefix"), "-e", str(source)]
    subprocess.run(pip, check=True, capture_output=True)
    (site_packages,) = (tmp_path / "prefix").glob("lib/python*/site-packages")
    write(folder, {"net.py": "import lab.nets"})
    program = f"""if True:
        import site, sys
        site.addsitedir({str(site_packages)!r})
        from actsearch.records.search_path import working_folder_last
        from actsearch.records.imports import users_modules
        working_folder_last()
        print(*sorted(users_modules("net").modules))
        print(*(name for name in ("lab", "ns", "ns.inner") if name in sys.modules))
    """
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    command = [sys.executable, "-P", "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found, imported = done.stdout.splitlines()
    assert found.split() == ["lab", "lab.nets", "net", "ns.inner.a", "ns.inner.sub.b"]
    assert not imported
