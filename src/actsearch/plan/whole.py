"""The one way from a configuration to a plan that can be carried out.

The Snakefile and ``actsearch check`` take it both, so that what one refuses the other does too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from actsearch.config import ConfigError, parse_config
from actsearch.plan.experiment import Plan
from actsearch.plan.refusals import check_plan


@contextmanager
def refused_in(origin: str) -> Iterator[None]:
    """Have errors of this package begin with the file whose configuration they are about.

    Raises:
        ConfigError: in place of them.
        ValueError: any other, as it is.
    """
    try:
        yield
    except ValueError as error:
        if not type(error).__module__.startswith("actsearch."):
            raise
        text = str(error) + _way_out(str(error))
        named = text if text.startswith(origin) else f"{origin}: {text}"
        raise ConfigError(named) from error


def _way_out(text: str) -> str:
    """What to do about arrays as other programs write them; nothing for other errors."""
    if "of dtype |O" in text or "it holds Python objects" in text:
        return "; make them strings when they are written: y=table[...].astype(str)"
    if "File is not a zip file" in text:
        return '; it is written in Python: np.savez("NAME.npz", x=..., y=...)'
    return ""


def name_of(files: Iterable[str], options: Iterable[str] = ()) -> str:
    """What a configuration is called in messages: its files, and the options beside them."""
    return " with ".join([*files, *(["--config"] if list(options) else [])])


def planned(values: Any, origin: str, *, look_into_files: bool) -> Plan:
    """The experiment of a configuration, after all that can be refused before data are looked at.

    Args:
        values: the configuration as plain data.
        origin: the file that it was read from, for messages.
        look_into_files: whether spaces and files to import are looked into; a job leaves that to
            the main process.

    Returns:
        The plan.

    Raises:
        ConfigError: naming the file, the key or value, and what is allowed.
    """
    with refused_in(origin):
        plan = Plan(parse_config(values, origin))
        plan.origin = origin
        check_plan(plan, look_into_files)
    return plan
