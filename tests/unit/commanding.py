"""The command line as tests ask it, and what it answers."""

from __future__ import annotations

from typer.testing import CliRunner, Result

from actsearch.cli.app import app


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def said(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exception is None, result.exception
    return result.stdout


def refused(*arguments: str) -> str:
    result = run(*arguments)
    assert isinstance(result.exception, ValueError), result.output
    return str(result.exception)


def flat(text: str) -> str:
    return " ".join(text.split())
