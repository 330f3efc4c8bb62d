"""The documentation as a site: it builds without a warning, and needs no network."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from documentation import ROOT, blocks

import actsearch

SETTINGS = (ROOT / "mkdocs.yml").read_text()
DOCS = sorted((ROOT / "docs").glob("*.md"))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as by ``make docs``: links and anchors that lead nowhere are errors."""
    folder = tmp_path_factory.mktemp("site")
    command = ["-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 and not done.stderr.strip(), done.stderr[-4000:]
    return folder


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """The site's address on this machine: its search needs a server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=site)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


THE_THEMES = {"aria-dialog-name", "landmark-unique"}
"""What axe-core finds in the parts of every page that Material for MkDocs makes."""


def test_pages_work_in_a_browser_and_are_accessible(served: str) -> None:
    browser = shutil.which("chromium")
    if browser is None:
        pytest.skip("no chromium")
    from axe_playwright_python.sync_playwright import Axe
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: None if request.url.startswith(served)
                else said.append(request.url))  # fmt: skip
        for name in ("index", "configuration", "method"):
            page.goto(f"{served}/{name}.html")
            found = Axe().run(page).response["violations"]
            assert {each["id"] for each in found} <= THE_THEMES, name
        page.wait_for_load_state("networkidle")
        page.locator("input[name=query]").press_sequentially("bfloat16")
        page.locator(".md-search-result__item").first.wait_for(state="attached")
        assert not [text for text in said if not text.startswith(("data:", "blob:"))], said
        chromium.close()


def test_every_page_is_there_and_in_the_navigation(site: Path) -> None:
    nav = yaml.safe_load(SETTINGS.partition("\nnav:\n")[2])
    listed = re.findall(r"[\w-]+\.md", str(nav))
    assert sorted(listed) == sorted(page.name for page in DOCS)
    for page in DOCS:
        assert (site / page.with_suffix(".html").name).is_file()


def test_nothing_is_loaded_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r"<(?:script|img|iframe|link(?! rel=\"(?:canonical|next|prev)\"))[^>]*"
            r"(?:src|href)=\"?((?:https?:)?//[^\" >]+)",
            page.read_text(),
        )
        assert not loaded, (page.name, loaded)


def test_reference_that_is_made_from_the_code_is_on_its_pages(site: Path) -> None:
    assert "config-tasks-name-recipe" in (site / "configuration.html").read_text()
    assert 'id="lineage"' in (site / "command-line.html").read_text()
    assert 'id="actsearch.Activation"' in (site / "python.html").read_text()


def test_files_of_the_repository_are_shown(site: Path) -> None:
    assert "mnist1d-mlp" in (site / "files/config.yaml.html").read_text()
    assert 'href="files/config.yaml.html"' in (site / "tutorial.html").read_text()


def test_figures_of_pages_exist_and_say_what_they_show() -> None:
    for page in [*DOCS, ROOT / "README.md"]:
        for text, target in re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text()):
            assert text and (page.parent / target).is_file(), (page.name, target)


def test_every_public_name_is_documented() -> None:
    shown = set(re.findall(r"^::: (\S+)$", (ROOT / "docs/python.md").read_text(), re.MULTILINE))
    assert {f"actsearch.{name}" for name in actsearch.__all__} <= shown


@pytest.mark.parametrize("page", DOCS, ids=lambda page: page.stem)
def test_a_page_is_laid_out_so_that_all_readers_of_markdown_agree(page: Path) -> None:
    text = page.read_text()
    assert text.startswith("# ")
    first = text.split("\n\n")[1]
    assert first[:1].isalpha() or first[:1] in "`[", "a page begins with what it is for"
    fence, previous = False, ""
    for line in text.splitlines():
        fence ^= line.lstrip().startswith("```")
        if not fence and re.match(r"(- |\d+\. |\|)", line):
            joined = previous.strip() and not re.match(r"(\s|- |\d+\. |\||<!--)", previous)
            assert not joined, f"a blank line is missing above: {line}"
        previous = line
    assert not [block for block in blocks(page) if block.text.count("\n```")]
