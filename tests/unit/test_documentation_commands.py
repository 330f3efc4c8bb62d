"""Commands on the pages: every ``actsearch``, ``make`` and ``python -m benchmarks`` exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from command_tables import application
from documentation import PAGES, ROOT, blocks, inline_code

GROUP = application()
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands(text: str, program: str) -> list[list[str]]:
    """The words behind ``program`` of each command in a shell's text."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:  # an apostrophe of a sentence
            continue
        calls: list[list[str]] = [[]]
        for word in words:
            if word in ("|", "&&", ";", "||"):
                calls.append([])
            else:
                calls[-1].append(word)
        for call in calls:
            while call and "=" in call[0].partition("/")[0]:  # variables of the environment
                call = call[1:]
            if call[: len(program.split())] == program.split():
                found.append(call[len(program.split()) :])
    return found


def of_page(page: Path, program: str) -> list[tuple[list[str], bool]]:
    """Commands of a page, and whether each is complete: those within a sentence need not be."""
    shown = [
        (command, True)
        for block in blocks(page)
        if block.language in ("sh", "bash")
        for command in commands(block.text, program)
    ]
    return shown + [
        (command, False) for code in inline_code(page) for command in commands(code, program)
    ]


def fault(words: list[str], complete: bool, group: Any = GROUP) -> str | None:
    """What is wrong with a command of this program, if anything is."""
    if not words or words[0].startswith("-") or not words[0].islower():
        return None  # of the program itself, or COMMAND for any
    name, *rest = words
    if name not in group.commands:
        return f"no command {name!r}"
    params = group.commands[name].params
    options = {text: param for param in params if param.param_type_name == "option"
               for text in [*param.opts, *param.secondary_opts]}  # fmt: skip
    arguments = [param for param in params if param.param_type_name == "argument"]
    given, place, positional = set(), 0, 0
    while place < len(rest):
        word, equals, _ = rest[place].partition("=")
        place += 1
        if word in (">", ">>"):
            break
        if word == "--help":
            return None
        if not word.startswith("--"):
            positional += not word.startswith("[")  # [TARGET...]
            continue
        if word not in options:
            return f"{name} has no option {word!r}"
        given.add(options[word].name)
        if not equals and not getattr(options[word], "is_flag", False):
            place += 1
    most = None if any(p.nargs == -1 for p in arguments) else len(arguments)
    if most is not None and positional > most:
        return f"{name} takes {most} arguments, not {positional}"
    if complete:
        missing = [param.name for param in options.values() if param.required
                   and param.name not in given]  # fmt: skip
        if missing or positional < sum(param.required for param in arguments):
            return f"{name} lacks {missing or 'an argument'}"
    return None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_of_a_page_exist(page: Path) -> None:
    wrong = [
        f"actsearch {shlex.join(words)}: {said}"
        for words, complete in of_page(page, "actsearch")
        if (said := fault(words, complete))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_targets_of_make_and_benchmarks_exist(page: Path) -> None:
    for words, _ in of_page(page, "make"):
        assert {word for word in words if word.replace("-", "").isalpha()} <= TARGETS, words
    for words, _ in of_page(page, "python -m"):
        if words[0].startswith("benchmarks.") and words[0].islower():
            path = ROOT / words[0].replace(".", "/")
            assert path.with_suffix(".py").exists() or path.is_dir(), words


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("nothing", "no command"),
        ("train --tsk a", "no option '--tsk'"),
        ("check one two three", "takes"),
        ("lineage", "lacks"),
        ("train x.json", "lacks ['task']"),
        ("train --task t x.json", None),
        ("lineage --forward a.json > b.txt", None),
    ],
)
def test_faults_are_found(command: str, said: str | None) -> None:
    found = fault(command.split(), complete=True)
    assert found is None if said is None else said in (found or "")


def test_most_commands_are_shown_somewhere() -> None:
    shown = {words[0] for page in PAGES for words, _ in of_page(page, "actsearch") if words}
    missing = set(GROUP.commands) - shown
    assert len(missing) < 12, missing
