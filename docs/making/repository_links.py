"""Links out of docs/: the site shows the repository's files that its pages link to, as pages.

A page links to a file as it lies in the repository (``../config.yaml``), so the link works wherever
the repository is read. In the site the same link leads to a page with the file's text.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from pathlib import Path

FILES = "files"
"""The folder of the site that has the repository's files."""
LINK = re.compile(r"(\[(?:[^\[\]]|\[[^\[\]]*\])*\]\()([^()\s]+)(\))")
_FENCE = re.compile(r"^(```|~~~).*?^\1[^\n]*$", re.MULTILINE | re.DOTALL)
LANGUAGES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".py": "python", ".toml": "toml",
             ".smk": "python", ".cff": "yaml", ".ipynb": "json"}  # fmt: skip


def page_of(target: str) -> str:
    """The page of the site that shows a file of the repository.

    Args:
        target: the file's path in the repository.

    Returns:
        The page's path in the site's source: the same one for a page of ``docs/``.
    """
    if target.startswith("docs/"):
        return target.removeprefix("docs/")
    return f"{FILES}/{target}" if target.endswith(".md") else f"{FILES}/{target}.md"


def links(markdown: str) -> list[str]:
    """Targets of all relative links of a text, those in fenced blocks left out."""
    return [target for _, target, _ in LINK.findall(_FENCE.sub("", markdown))
            if _is_relative(target)]  # fmt: skip


def _is_relative(target: str) -> bool:
    return not re.match(r"[a-z][a-z0-9+.-]*:|#|/", target)


def resolve(target: str, source: str) -> str:
    """A link's target as a path in the repository, without its anchor.

    Args:
        target: the link.
        source: the path in the repository of the file it occurs in.

    Returns:
        The path; one that begins with ``..`` lies outside of the repository.
    """
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), target.partition("#")[0]))


def rewrite(markdown: str, source: str, root: Path) -> str:
    """The text with its relative links as the site needs them.

    Args:
        markdown: the text of a file of the repository.
        source: the file's path in the repository.
        root: the repository.

    Returns:
        The text; links to what is not there stay as they are, and the site's check reports them.
    """
    here = posixpath.dirname(page_of(source))

    def changed(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        path = resolve(target, source)
        if not _is_relative(target) or not (root / path).is_file():
            return found.group(0)
        if path.startswith("docs/") and not path.endswith(".md"):  # a picture, copied as it is
            new = path.removeprefix("docs/")
        else:
            new = page_of(path)
        anchor = target.partition("#")[1:]
        return f"{before}{posixpath.relpath(new, here or '.')}{''.join(anchor)}{after}"

    pieces, place = [], 0
    for fence in _FENCE.finditer(markdown):
        pieces += [LINK.sub(changed, markdown[place : fence.start()]), fence.group(0)]
        place = fence.end()
    return "".join([*pieces, LINK.sub(changed, markdown[place:])])


def linked_files(pages: Iterable[Path], root: Path) -> dict[str, str]:
    """The repository's files that pages link to, those that these link to included.

    Args:
        pages: Markdown files of ``docs/``.
        root: the repository.

    Returns:
        The text of each file as a page of the site, by its path in the repository.
    """
    found: dict[str, str] = {}
    waiting = [page.relative_to(root).as_posix() for page in pages]
    while waiting:
        source = waiting.pop()
        for target in links((root / source).read_text()):
            path = resolve(target, source)
            if path in found or path.startswith(("docs/", "..")) or not (root / path).is_file():
                continue
            found[path] = _as_page(path, root)
            if path.endswith(".md"):
                waiting.append(path)
    return found


def _as_page(path: str, root: Path) -> str:
    text = (root / path).read_text()
    if path.endswith(".md"):
        return rewrite(text, path, root)
    name = Path(path)
    language = LANGUAGES.get(name.suffix, "text")
    return (
        f"# {name.name}\n\n`{path}` of the repository.\n\n~~~~{language}\n{text.rstrip()}\n~~~~\n"
    )
