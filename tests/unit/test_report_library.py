"""The plotting library that ships, and the page's own script."""

from __future__ import annotations

import hashlib
import re
from importlib.resources import files

from actsearch.report.script import MODULES, join

TEMPLATES = files("actsearch.report") / "templates"
DIGEST = "99784e3abfb07b142a15e521a439e6d9addceadb3f79553fd24c72774f0649ba"


def read(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def test_the_library_is_the_published_file() -> None:
    library = (TEMPLATES / "plotly-basic.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() == DIGEST
    [version] = re.findall(rb"plotly.js \(basic - minified\) v([\d.]+)", library[:300])
    assert f"plotly.js-basic-dist-min@{version.decode()}" in read("plotly-basic.md")
    assert "MIT" in read("plotly-basic.LICENSE")
    assert b"</script" not in library  # it would end the script of the page


def test_modules_are_joined_without_imports_and_each_name_is_used_once() -> None:
    text = join(read)
    assert not re.search(r"^(import|export)\b", text, re.MULTILINE)
    assert "</script" not in text
    named = re.findall(r"^(?:async )?(?:function|const|let) (?:\{ ([^}]*) \}|(\w+))", text, re.M)
    names = [name.strip() for several, one in named for name in (several or one).split(",")]
    assert len(names) > 20
    assert len(names) == len(set(names))


def test_every_module_comes_after_those_that_it_imports() -> None:
    for place, name in enumerate(MODULES):
        imported = re.findall(r'from "\./([\w.-]+)"', read(name))
        assert set(imported) <= set(MODULES[:place])
        assert len(read(name).splitlines()) < 400
