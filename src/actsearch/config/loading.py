"""Reading and checking a configuration, with one message for all that is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from actsearch.config.experiment import Config
from actsearch.config.plain import ConfigError, guess, join, require_plain, show
from actsearch.config.reading import read_values


def _explain(error: ValidationError) -> str:
    lines = []
    problems = error.errors()
    for problem in problems:
        at = problem["loc"]
        inner = (other["loc"] for other in problems if other["loc"] != at)
        if problem["type"] == "too_short" and any(loc[: len(at)] == at for loc in inner):
            continue  # of a list whose items are wrong
        where = ""
        for part in at:
            where = where if part == "[key]" else join(where, part)
        message = (
            problem["msg"]
            .removeprefix("Value error, ")
            .replace("tuple", "list")
            .replace("Tuple", "List")
        )
        if problem["type"] == "extra_forbidden":
            allowed = _allowed_keys(problem["loc"][:-1])
            hint = guess(str(problem["loc"][-1]), allowed)
            message = f"unknown key{hint}; allowed: {', '.join(allowed)}"
        elif problem["type"] == "missing":
            message = "this key is missing"
        elif problem["type"] == "too_short" and problem["ctx"]["min_length"] == 1:
            what = "mapping" if isinstance(problem["input"], dict) else "list"
            message = f"the {what} is empty; at least one value is needed"
        elif right := _right_form(problem):
            message = right
        elif problem["type"] != "value_error":
            message = f"{message}, got {show(problem['input'])}"
        lines.append(f"{where}: {message}" if where else message)
    return "\n".join(lines)


def _right_form(problem: Any) -> str | None:
    """What to write where a section or a list has one value in its place; None for other faults."""
    value, kind = problem["input"], problem["type"]
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        example = "{KEY: VALUE}"
        allowed = _allowed_keys(problem["loc"])
        required = [key for key in ("space", "train", "source") if key in allowed]
        if required and isinstance(value, str):
            example = f"{{{required[0]}: {value}}}"
        keys = f"; keys: {', '.join(allowed)}" if allowed else ""
        return f"a mapping is needed, such as {example}, got {show(value)}{keys}"
    if kind in ("tuple_type", "list_type"):
        items = f"{value}"
        if isinstance(value, int) and not isinstance(value, bool) and 1 < value <= 10:
            items = ", ".join(map(str, range(value)))
        return f"a list is needed, such as [{items}], got {show(value)}"
    return None


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
    """Keys allowed at ``location``, found by walking the models' annotations."""
    schema = Config.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        # A key is one the section names, or one of a mapping's own; of a list, a place.
        named: dict[str, Any] = node.get("properties", {})
        free: dict[str, Any] = node.get("patternProperties", {})
        other = node.get("items", {}) if isinstance(part, int) else next(iter(free.values()), {})
        node = named[str(part)] if part in named else other
        node = next((option for option in node.get("anyOf", []) if "$ref" in option), node)
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]]
    return sorted(node.get("properties", {}))


def parse_config(values: Any, origin: str = "configuration") -> Config:
    """Check the configuration ``values``, nested plain data.

    Returns:
        The configuration as typed objects.

    Raises:
        ConfigError: naming every offending value and what is allowed.
    """
    if not isinstance(values, dict):
        raise ConfigError(f"{origin}: expected a mapping, got {show(values)}")
    try:
        require_plain(values)
    except ConfigError as error:
        raise ConfigError(f"{origin}: {error}") from None
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{origin}:\n{_explain(error)}") from None


def load_config(path: str | Path = "config.yaml") -> Config:
    """Read and check a YAML file.

    Returns:
        The configuration as typed objects.

    Raises:
        ConfigError: when the file is missing, cannot be read as YAML without surprises, or breaks
            the schema.
    """
    return parse_config(read_values(path), origin=str(path))
