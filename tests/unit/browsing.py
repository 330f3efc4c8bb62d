"""A report opened in a headless browser, for the tests of what its script does."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium; a test that has none is skipped, but in CI, which must have it."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        assert not os.environ.get("ACTSEARCH_REQUIRE_SLURM"), "CI needs chromium"
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page opened anew, with what it complained of and what it asked the network for."""

    def __init__(self, browser: Browser, file: Path, **options: Any) -> None:
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.file = file.as_uri()
        self.context = browser.new_context(**{"viewport": {"width": 1300, "height": 900}} | options)
        self.page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))

    def open(self, fragment: str = "") -> Page:
        self.page.goto(self.file + fragment, wait_until="load")
        return self.page

    def close(self) -> None:
        """Close it; it must have been silent, and have loaded itself alone."""
        self.context.close()
        assert self.complaints == []
        fetched = {url.split("#")[0] for url in self.requests}
        assert {url for url in fetched if not url.startswith(("blob:", "data:", "about:"))} <= {
            self.file
        }


def listed(page: Page) -> list[str]:
    """Names of the functions that the list shows."""
    return page.locator("#explorer tbody [data-function]").all_inner_texts()


def found(page: Page) -> str:
    """How many the list says that it has found."""
    return page.locator("#explorer .found").inner_text().replace("\u202f", "")
