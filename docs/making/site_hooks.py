"""What MkDocs calls while it builds the site: see ``hooks`` in mkdocs.yml.

- Links to files of the repository lead to pages that show them (``repository_links``).
- A line ``<!-- site: NAME -->``, with the paragraph directly below it, is replaced by reference
  that is made from the code. The paragraph is for those who read the file itself.
- The name of a file behind the language of a code block (as in ``python make_data.py``) becomes the
  block's title.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))
from command_tables import application, command_tables
from config_tables import config_tables
from repository_links import linked_files, page_of, rewrite

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "workflow/schemas/config.schema.json"
MARKER = re.compile(r"^<!-- site: ([a-z-]+) -->\n(?:.+\n)*", re.MULTILINE)
_TITLED = re.compile(r"^```(\w+) (\S+)$", re.MULTILINE)


def configuration() -> str:
    """Tables of the configuration's keys."""
    return config_tables(json.loads(SCHEMA.read_text()))


def command_line() -> str:
    """All commands and their options."""
    return command_tables(application())


MADE: dict[str, Callable[[], str]] = {"configuration": configuration, "command-line": command_line}
"""What the lines ``<!-- site: NAME -->`` are replaced by."""


def expand(markdown: str) -> str:
    """Fill in what is made from the code, and give code blocks their files' names as titles.

    Args:
        markdown: a page's text.

    Returns:
        The text for MkDocs.

    Raises:
        ValueError: when a line names what nothing makes.
    """

    def made(found: re.Match[str]) -> str:
        if found.group(1) not in MADE:
            raise ValueError(f"<!-- site: {found.group(1)} -->: one of {', '.join(MADE)}")
        return MADE[found.group(1)]() + "\n"

    return MARKER.sub(made, _TITLED.sub(r'```\1 title="\2"', markdown))


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for each file of the repository that a page links to."""
    from mkdocs.structure.files import File, InclusionLevel

    pages = [Path(str(file.abs_src_path)) for file in files.documentation_pages()]
    for path, text in linked_files(pages, ROOT).items():
        files.append(File.generated(config, page_of(path), content=text,
                                    inclusion=InclusionLevel.NOT_IN_NAV))  # fmt: skip
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Prepare the text of a page."""
    if page.file.generated_by is None:
        markdown = rewrite(markdown, f"docs/{page.file.src_uri}", ROOT)
    return expand(markdown)
