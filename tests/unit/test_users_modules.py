"""Which modules of the user's count as code, wherever they lie and however they are reached."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from users_modules import folder as folder
from users_modules import reached, write

from actsearch.records import code
from actsearch.records.code import module_digests
from actsearch.records.digests import DigestError
from actsearch.records.imports import users_modules
from actsearch.records.sources import find, is_users

REACHED = {
    "beside it": ({"net.py": "import torch, blocks", "blocks.py": ""}, ["blocks", "net"]),
    "through others": (
        {"net.py": "import a", "a.py": "from b import f", "b.py": "f = 1", "c.py": ""},
        ["a", "b", "net"],
    ),
    "of another package": (
        {"net.py": "from lab.parts import f", "lab/__init__.py": "import c", "lab/parts.py": "f=1"}
        | {"c.py": "", "lab/alone.py": ""},
        ["c", "lab", "lab.parts", "net"],
    ),
    "of packages without __init__": (
        {"net.py": "import a.b.c", "a/b/c.py": "from . import d", "a/b/d.py": "from ..e import f"}
        | {"a/e.py": "f = 1"},
        ["a.b.c", "a.b.d", "a.e", "net"],
    ),
    "in a function": ({"net.py": "def f():\n    import late", "late.py": ""}, ["late", "net"]),
    "where it may be missing": (
        {"net.py": "try:\n    import fast\nexcept ImportError:\n    import slow", "slow.py": ""},
        ["net", "slow"],
    ),
    "by name": (
        {"net.py": "import importlib\nimportlib.import_module('a.b')\n__import__('c')"}
        | {"a/b.py": "", "c.py": ""},
        ["a.b", "c", "net"],
    ),
    "by a relative name": (
        {"net/__init__.py": "from importlib import import_module\n"}
        | {"net/x.py": "from importlib import import_module\nimport_module('.y', __package__)"}
        | {"net/y.py": "", "net/z.py": ""},
        ["net", "net.x", "net.y"],
    ),
    "by a dotted text, as operators have": (
        {"net.py": "Operator('sine', 1, None, 'mine.sine')\nname = 'others.sine'"}
        | {"mine.py": "def sine(x): ...", "others.py": "cosine = 1"},
        ["mine", "net"],
    ),
    "by a name that is made up": (
        {"net/__init__.py": "import importlib\nf = lambda n: importlib.import_module(f'net.{n}')"}
        | {"net/a.py": "import far", "net/data/b.py": "", "far.py": "", "apart.py": ""}
        | {"results/c.py": "", ".hidden/d.py": "", "venv/lib/site-packages/e.py": ""},
        ["apart.py", "far", "net", "net.a", "net.data.b"],
    ),
    "by a name that is made up, beside it": (
        {"net.py": "import importlib\nf = importlib.import_module", "a.py": ""},
        ["a", "net"],
    ),
    "by a call with a name that is made up": (
        {"net.py": "import importlib\nf = lambda n: importlib.import_module(n)", "a.py": ""},
        ["a", "net"],
    ),
    "by a name that is made up, of another package": (
        {"net.py": "import importlib\nf = lambda n: importlib.import_module(f'plug.{n}')"}
        | {"plug/__init__.py": "", "plug/a.py": ""},
        ["net", "plug/__init__.py", "plug/a.py"],
    ),
    "by another name of the function": (
        {
            "net.py": "from importlib import import_module as get\nget('a')",
            "a.py": "",
            "b/c.py": "",
        },
        ["a", "b/c.py", "net"],
    ),
    "by the function's name": (
        {"net.py": "import importlib\ngetattr(importlib, 'import_module')(n)", "b/c.py": ""},
        ["b/c.py", "net"],
    ),
    "as a script": (
        {"net.py": "import runpy\nrunpy.run_path('tools/a.py')", "tools/a.py": "import b"}
        | {"tools/b.py": "", "notes.txt": ""},
        ["net", "tools/a.py", "tools/b.py"],
    ),
    "as text that is evaluated": (
        {"net.py": "from pathlib import Path\neval(Path('layer.txt').read_text())"}
        | {"layer.txt": "nn.Linear(1, 1)", "a.py": ""},
        ["a", "layer.txt", "net"],
    ),
    "by methods called eval and compile, nothing": (
        {"net.py": "import re, torch\nmodel.eval()\ntorch.compile(model)\nre.compile('a')"}
        | {"a.py": ""},
        ["net"],
    ),
    "as files that it reads": (
        {"net.py": "torch.load('weights/a.pt')\nopen('table.csv')", "weights/a.pt": "1"}
        | {"table.csv": "1,2", "weights/b.pt": "2", "other.csv": ""},
        ["net", "table.csv", "weights/a.pt"],
    ),
    "as files beside it, in parts": (
        {
            "lab/net.py": "np.load(Path(__file__).parent / 'tables' / 'a.npy')",
            "net.py": "import lab.net",
        }
        | {"lab/tables/a.npy": "1", "lab/tables/b.npy": "2", "a.npy": ""},
        ["a.npy", "lab.net", "lab/tables/a.npy", "net"],
    ),
    "as files of a pattern": (
        {"net.py": "f = lambda n: np.load(f'tables/{n}.npy')\ng = 'more/{}.txt'.format"}
        | {"tables/a.npy": "1", "tables/a.csv": "2", "b.npy": "", "more/c.txt": ""},
        ["more/c.txt", "net", "tables/a.npy"],
    ),
    "as files that it writes, not": (
        {"net.py": "open('a.txt', 'a')\nnp.save('b.npy', 1)\nPath('c.txt').write_text('')"}
        | {"other.py": "", "a.txt": "", "b.npy": "", "c.txt": ""},
        ["net"],
    ),
    "as files that it writes and reads, not": (
        {"net.py": "open('a.txt', 'a')\nopen('a.txt').read()", "a.txt": ""},
        ["net"],
    ),
    "as files of runs, not": (
        {"net.py": "FileHandler('d.log')\nopen('results/e.txt')", "d.log": "", "results/e.txt": ""},
        ["net"],
    ),
    "by import *": (
        {"net.py": "from lab import *", "lab/__init__.py": "__all__ = ['a']", "lab/a.py": ""}
        | {"lab/b.py": ""},
        ["lab", "lab.a", "net"],
    ),
    "in a folder that it adds to the search path": (
        {"net.py": "import sys\nsys.path.insert(0, 'lib')\nimport helper"}
        | {"lib/helper.py": "import further", "lib/further.py": "import more", "more.py": ""}
        | {"lib/other.py": "", ".hidden/helper.py": "", "results/helper.py": ""},
        ["lib/further.py", "lib/helper.py", "more", "net"],
    ),
    "as a file of another language": (
        {"net.py": "load(['./kernels/*.cu', 'slow.cpp'])", "lab/kernels/fast.cu": "__global__"}
        | {"slow.cpp": "int f;", "fast.cu": "", "notes.txt": "", "other.cpp": ""},
        ["lab/kernels/fast.cu", "net", "slow.cpp"],
    ),
    "by texts that no file can have": (
        {"net.py": f"names = ['{'网' * 200}', 'a' * 300, '{'b' * 255}', '..', '/', '*', 'a\\0b']"},
        ["net"],
    ),
    "as nothing that is there": (
        {"net.py": "from . import a\nfrom ... import b\n__import__('a/../b')\n__import__('')"}
        | {"a.py": ""},
        ["a", "net"],  # __import__("") may mean anything
    ),
}


@pytest.mark.parametrize("how", REACHED)
def test_what_is_reached(how: str, folder: Path) -> None:
    files, wanted = REACHED[how]
    write(folder, files)
    entry = "net.x" if how == "by a relative name" else "net"
    assert reached(entry) == wanted


@pytest.mark.parametrize("how", REACHED)
def test_an_edit_of_what_is_reached_is_seen_and_no_other(how: str, folder: Path) -> None:
    files, _ = REACHED[how]
    entry = "net.x" if how == "by a relative name" else "net"
    write(folder, files)
    modules = users_modules(entry).modules.values()
    places = {os.path.realpath(module.place) for module in modules}
    before = {module.text for module in modules}
    for path in [path for path in folder.rglob("*.*") if path.is_file()]:
        text = path.read_bytes()
        path.write_bytes(text + b"\nEDITED = 1\n")
        after = {module.text for module in users_modules(entry).modules.values()}
        assert (after != before) == (str(path) in places), path
        path.write_bytes(text)


def test_code_of_ours_that_a_users_module_imports_is_in_its_digest(folder: Path) -> None:
    write(folder, {"net.py": "from actsearch.networks.models.digits_cnn import DigitsCNN\n"})
    write(folder, {"ops.py": "from actsearch import Operator, register\n"})
    assert {"actsearch.networks.models.digits_cnn", "net"} <= set(module_digests("net"))
    assert sorted(module_digests("ops")) == ["ops"]


def test_modules_of_python_and_of_installed_packages_are_not_the_users(folder: Path) -> None:
    for name in ("queue", "torch", "torch.nn.functional", "sys", "yaml", "pytest", "zoneinfo"):
        assert find(name) is not None and not is_users(find(name)), name
    write(folder, {"env/lib/python3.11/site-packages/theirs.py": "", "mine.py": "import theirs"})
    sys.path.append(str(folder / "env/lib/python3.11/site-packages"))
    assert not is_users(find("theirs")) and is_users(find("mine"))
    assert reached("mine") == ["mine"]


def test_what_lies_in_the_working_folder_shadows_nothing(folder: Path) -> None:
    names = ("profile", "queue", "torch", "yaml", "code", "random", "typing", "msvcrt")
    write(folder, {f"{name}.py": "raise SystemExit('taken')" for name in names})
    lines = [f"import {name}" for name in names[:-1]]
    lines += ["try:", "    import msvcrt", "except ImportError: ..."]
    write(folder, {"net.py": "\n".join(lines)})
    assert reached("net") == ["net"]
    program = "import actsearch.records.search_path as s; s.working_folder_last(); import net"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2] / "src")},
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_an_edit_that_leaves_size_and_date_is_what_is_imported(folder: Path) -> None:
    write(folder, {"ours.py": "x = 1\n", "lab/__init__.py": "", "lab/part.py": "x = 1\n"})
    program = """if True:
        import sys
        sys.path.append('')
        import ours, lab.part
        from actsearch.records.search_path import working_folder_last
        working_folder_last()
        for name in ('ours', 'lab.part'): del sys.modules[name]
        import ours, lab.part
        print(ours.x, lab.part.x)
    """
    sources = str(Path(__file__).parents[2] / "src")
    environment = os.environ | {"PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": ""}
    for number in (1, 2):
        for name in ("ours.py", "lab/part.py"):
            (folder / name).write_text(f"x = {number}\n")
            os.utime(folder / name, (1e9, 1e9))
        command = [sys.executable, "-P", "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.split() == [str(number)] * 2
    assert list(folder.glob("__pycache__/ours.*.pyc")), "Python itself had compiled it before"


def test_folders_of_the_search_path_and_links_count(folder: Path, tmp_path: Path) -> None:
    write(tmp_path, {"shared/helper.py": "", "elsewhere/linked.py": "", "packed/inner.py": ""})
    sys.path.insert(0, str(tmp_path / "shared"))
    (folder / "lab").symlink_to(tmp_path / "elsewhere")
    with zipfile.ZipFile(tmp_path / "archive.zip", "w") as archive:
        archive.writestr("zipped/__init__.py", "")
        archive.writestr("zipped/inner.py", "x = 1")
    sys.path.insert(0, str(tmp_path / "archive.zip"))
    write(folder, {"net.py": "import helper, lab.linked, zipped.inner"})
    modules = users_modules("net").modules
    assert sorted(modules) == ["helper", "lab.linked", "net", "zipped", "zipped.inner"]
    assert modules["zipped.inner"].text == b"x = 1"
    write(tmp_path, {"other/linked.py": "y = 1"})
    (folder / "lab").unlink()
    (folder / "lab").symlink_to(tmp_path / "other")
    assert users_modules("net").modules["lab.linked"].text == b"y = 1"


def test_compiled_modules_count_by_their_bytes(folder: Path) -> None:
    from importlib.machinery import EXTENSION_SUFFIXES

    binary = folder / f"fast{EXTENSION_SUFFIXES[0]}"
    binary.write_bytes(b"\x7fELF 1")
    write(folder, {"net.py": "import fast", "fast.pyi": "x: int"})
    assert sorted(module_digests("net")) == ["fast", "net"]
    assert users_modules("fast").modules["fast"].text == b"\x7fELF 1"


@pytest.mark.parametrize("terms", [120, 1500])
def test_code_that_is_nested_deeply_counts_by_its_bytes(terms: int, folder: Path) -> None:
    deep = "x = " + " + ".join(["1"] * terms)
    write(folder, {"net.py": deep})
    before = module_digests("net")
    write(folder, {"net.py": f"{deep} + 2"})
    module_digests.cache_clear()
    code._reached_from.cache_clear()
    assert module_digests("net") != before

    def from_further(calls: int) -> dict[str, str]:
        return from_further(calls - 1) if calls else module_digests("net")

    here = module_digests("net")
    module_digests.cache_clear()
    code._reached_from.cache_clear()
    assert from_further(400) == here  # the digest does not depend on who asks


def test_what_is_no_python_is_refused_where_it_is_named_and_digested_where_it_is_met(
    folder: Path,
) -> None:
    (folder / "broken.py").write_text("f = (1\n")
    (folder / "latin.py").write_bytes("# -*- coding: latin-1 -*-\nx = '\u00e9'\n".encode("latin-1"))
    write(folder, {"net.py": "try:\n    import broken\nexcept SyntaxError: ...\nimport latin"})
    assert reached() == ["broken", "latin", "net"]
    with pytest.raises(DigestError, match=r"'broken' is not valid Python: .*line 1"):
        users_modules("broken")
    with pytest.raises(DigestError, match="no Python source for module 'nowhere'"):
        users_modules("nowhere")
