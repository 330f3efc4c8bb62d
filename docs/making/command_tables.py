"""The command line's reference for the site, made from the application itself."""

from __future__ import annotations

import inspect
import re
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

OTHERS = "Commands"
NUMERALS = {2: "two", 3: "three"}
ROOT = Path(__file__).resolve().parents[2]


def application() -> Any:
    """The command line as one object of click, with all commands.

    Returns:
        The group that ``actsearch`` runs.
    """
    import typer.main

    from actsearch.cli import app

    app.load_commands()
    return typer.main.get_command(app.app)


def panels(group: Any) -> dict[str, list[str]]:
    """Names of the commands under the headings that ``actsearch --help`` gives them.

    Returns:
        Lists of names by heading, both in the order of the help; hidden commands are left out.
    """
    found: dict[str, list[str]] = {}
    for name, command in group.commands.items():
        if not command.hidden:
            found.setdefault(getattr(command, "rich_help_panel", None) or OTHERS, []).append(name)
    return found


def command_tables(group: Any) -> str:
    """Markdown: a heading per group, and below it each command with its arguments and options."""
    texts = []
    for heading, names in panels(group).items():
        listed = "\n".join(f"| [`{name}`](#{name}) | {_first(group.commands[name])} |"
                           for name in names)  # fmt: skip
        texts.append(f"## {heading}\n\n| command | what it does |\n|---|---|\n{listed}")
        texts += [describe(name, group.commands[name]) for name in names]
    return "\n\n".join(texts)


def _help(command: Any) -> str:
    text = inspect.cleandoc(command.help or "").replace("\b\n", "").partition("\f")[0]
    return re.sub(r"``([^`]+)``", r"`\1`", text).strip()


def _first(command: Any) -> str:
    paragraph = _help(command).split("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def describe(name: str, command: Any) -> str:
    """One command: what it does, how it is called, and a table of what it takes.

    Args:
        name: the command's name.
        command: the command, an object of click.

    Returns:
        Markdown with a heading whose anchor is the name.
    """
    params = [param for param in command.params if not getattr(param, "hidden", False)]
    arguments = [param for param in params if param.param_type_name == "argument"]
    usage = " ".join([f"actsearch {name}", *("[OPTIONS]" for _ in params[len(arguments) :][:1]),
                      *(_argument(param) for param in arguments)])  # fmt: skip
    rows = [f"| {_names(param)} | {_kind(param)} | {_default(param)} | {_meaning(param)} |"
            for param in params]  # fmt: skip
    table = "\n".join(["| option | value | default | meaning |", "|---|---|---|---|", *rows])
    text = f"### {name} {{#{name}}}\n\n{_help(command)}\n\n```text\n{usage}\n```"
    return f"{text}\n\n{table}" if rows else text


def _argument(param: Any) -> str:
    shown = (param.metavar or param.name).upper().removesuffix("...")
    shown += "..." if param.nargs == -1 else ""
    return shown if param.required else f"[{shown}]"


def _names(param: Any) -> str:
    if param.param_type_name == "argument":
        return f"`{_argument(param)}`"
    names = ", ".join(f"`{name}`" for name in [*param.opts, *param.secondary_opts])
    return f"{names} **required**" if param.required else names


def _kind(param: Any) -> str:
    if getattr(param, "is_flag", False):
        return "switch"
    annotation = param.type_descriptor.annotation
    said = " or ".join(dict.fromkeys(_words(annotation)))
    if get_origin(annotation) is tuple and set(map(str, get_args(annotation))) == {str(float)}:
        said = f"{NUMERALS.get(param.nargs, param.nargs)} {said}s"
    if param.min is not None or param.max is not None:
        limits = ((" at least ", param.min), (" at most ", param.max))
        said += ",".join(f"{word}{value:g}" for word, value in limits if value is not None)
    several = getattr(param, "multiple", False)
    return f"{said}, may be given several times" if several else said


def _words(annotation: Any) -> list[str]:
    """What values of a type are called, one by one where only some are allowed."""
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return [f"`{member.value}`" for member in annotation]
    if get_origin(annotation) is Literal:
        return [f"`{value}`" for value in get_args(annotation)]
    if inner := [kind for kind in get_args(annotation) if kind is not type(None)]:
        return [word for kind in inner for word in _words(kind)]
    names = {int: "whole number", float: "number", bool: "`true` or `false`", Path: "path"}
    return [names.get(annotation, "text")]


def _default(param: Any) -> str:
    default = param.default
    # By identity: 0 equals False, and is a default worth saying.
    if default is None or default is False or callable(default) or default in ((), []):
        return ""
    if "UNSET" in type(default).__name__.upper() or "UNSET" in str(default).upper():
        return ""
    if isinstance(default, Path) and default.is_relative_to(ROOT):
        default = default.relative_to(ROOT)
    if isinstance(default, tuple | list):
        return f"`{' '.join(f'{value:g}' for value in default)}`"
    return f"`{getattr(default, 'value', default)}`"


def _meaning(param: Any) -> str:
    text = " ".join((getattr(param, "help", None) or "").split())
    text = re.sub(r"``([^`]+)``", r"`\1`", text).replace("|", "\\|")
    variable = getattr(param, "envvar", None)
    return f"{text} Environment variable: `{variable}`." if variable else text
