"""Reading YAML and JSON without surprises: what two readers would read differently is refused.

YAML 1.1 and 1.2 differ in what ``on``, ``012``, ``1_000``, ``1:30`` or ``2024-01-01`` are, and
readers let the last of two equal keys win without a word. Here a number is what YAML 1.2 calls one
(``1e-3`` too), and the rest is refused with its line. PyYAML does the reading.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import yaml

from actsearch.config.plain import DEEPEST, MOST_VALUES, ConfigError, join, show

MOST_BYTES = 5_000_000
"""Of a file."""
_LONGEST_NUMBER = 400
_TAG = "tag:yaml.org,2002:"
_MERGE = f"{_TAG}merge"
# The core schema of YAML 1.2, and the merge key of 1.1, which everybody knows.
_RESOLVERS = {
    "null": (r"~|null|Null|NULL|", "~nN\0"),
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|"
        r"\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "merge": (r"<<", "<"),
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the rules of this module."""

    yaml_implicit_resolvers: dict[str, list[Any]] = {}  # noqa: RUF012 - as PyYAML has it

    def __init__(self, text: str, origin: str) -> None:
        super().__init__(text)
        self._origin = origin
        self._open: set[str] = set()
        self._path: list[object] = []
        self._sizes: dict[int, int] = {}

    def refuse(self, node: Any, problem: str) -> NoReturn:
        path = ""
        for key in self._path:
            path = join(path, key)
        where = f"{path}: " if path else ""
        raise ConfigError(f"{self._origin}, line {node.start_mark.line + 1}: {where}{problem}")

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        key = index.value if isinstance(index, yaml.ScalarNode) else index
        with self._below(key):
            if len(self._path) > DEEPEST:
                self._path.clear()
                self.refuse(event, f"more than {DEEPEST} levels of mappings and lists")
            if isinstance(event, yaml.AliasEvent):
                if event.anchor in self._open:
                    self.refuse(event, f"*{event.anchor} is inside of what it repeats")
                return super().compose_node(parent, index)
            if getattr(event, "tag", None) is not None:
                tag = show(event.tag.replace(_TAG, "!!"))[1:-1]
                self.refuse(event, f"the tag {tag} is not allowed; {_PLAIN}")
            if event.anchor is not None:
                self._open.add(event.anchor)
            node = super().compose_node(parent, index)
            self._open.discard(event.anchor)
            self._sizes[id(node)] = self._size(node)
            if isinstance(node, yaml.ScalarNode):
                self._check_scalar(
                    node, is_key=isinstance(parent, yaml.MappingNode) and key is None
                )
            return node

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.refuse(key, "a list or a mapping cannot be a key; allowed: text")
            if key.tag not in (f"{_TAG}str", _MERGE):
                self.refuse(key, f"key {key.value} is not text: put it in quotes")
            text = _joined(key.value)
            if text in lines:
                first, second = lines[text], key.start_mark.line + 1
                both = f"lines {first} and {second}" if first != second else f"line {first}"
                with self._below(text):
                    self.refuse(key, f"the key is there twice ({both}); remove one of them")
            lines[text] = key.start_mark.line + 1
        return node

    @contextmanager
    def _below(self, key: object) -> Iterator[None]:
        if key is None:
            yield
            return
        self._path.append(key)
        try:
            yield
        finally:
            if self._path:
                self._path.pop()

    def _size(self, node: Any) -> int:
        parts = [node.value] if isinstance(node, yaml.SequenceNode) else []
        if isinstance(node, yaml.MappingNode):
            parts = [list(pair) for pair in node.value]
        size = 1 + sum(self._sizes[id(item)] for part in parts for item in part)
        if size > MOST_VALUES:
            self.refuse(node, f"more than {MOST_VALUES:,} values, those of aliases counted again")
        return size

    def _check_scalar(self, node: yaml.ScalarNode, is_key: bool) -> None:
        text = node.value
        if node.style is not None:
            return
        if node.tag == _MERGE and not is_key:
            self.refuse(
                node, "<< means the keys of another mapping; if it is text, put it in quotes"
            )
        old, new = _read_as(yaml.SafeLoader, text), _read_as(_Loader, text)
        octal = new == f"{_TAG}int" and re.match(r"[-+]?0[0-9]", text)
        if octal or (old != new and new != f"{_TAG}float"):
            hint = {"bool": "; if not, write true or false", "timestamp": ""}.get(
                old.removeprefix(_TAG), "; if not, write the number in full"
            )
            self.refuse(
                node,
                f"{show(text)[1:-1]} is read in two ways, by YAML 1.1 and 1.2: put it in quotes if "
                f"it is text{hint}",
            )
        if problem := _problem_of_number(new, text):
            self.refuse(node, problem)


_PLAIN = "plain text, numbers, true, false, null, lists and mappings are"


def _problem_of_number(tag: str, text: str) -> str | None:
    if tag not in (f"{_TAG}int", f"{_TAG}float"):
        return None
    if len(text) > _LONGEST_NUMBER:
        return f"a number of {len(text):,} characters; allowed: {_LONGEST_NUMBER}"
    if tag == f"{_TAG}int":
        return None
    value = _number(text)
    is_lost = not value and re.search("[1-9]", re.split("[eE]", text)[0])
    if is_lost or not math.isfinite(value):
        return f"{text} is no number that JSON holds; allowed: finite numbers"
    return None


def _read_as(loader: Any, text: str) -> str:
    """Tag that a loader gives a plain word."""
    for tag, pattern in loader.yaml_implicit_resolvers.get(text[:1], []):
        if pattern.match(text):
            return str(tag)
    return f"{_TAG}str"


def _number(text: str) -> int | float:
    if text[:2] == "0x":
        return int(text, 16)
    if re.fullmatch("[-+]?[0-9]+", text):
        return int(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


def _constructed(loader: _Loader, node: yaml.ScalarNode) -> int | float:
    return _number(node.value)


def _text(loader: _Loader, node: yaml.ScalarNode) -> str:
    return _joined(node.value)


def _joined(text: str) -> str:
    """``text``, the two halves by which JSON escapes a rare character made one."""
    if not any("\ud800" <= c <= "\udfff" for c in text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def _null(loader: _Loader, node: yaml.ScalarNode) -> None:
    return None


class _Dumper(yaml.SafeDumper):
    """Quotes whatever any reader could take for something else than text; repeats in full."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - as PyYAML has it
        first: list(found) for first, found in yaml.SafeDumper.yaml_implicit_resolvers.items()
    }

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _name, (_pattern, _first) in _RESOLVERS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(
            f"{_TAG}{_name}",
            re.compile(f"(?:{_pattern})\\Z"),
            ["" if character == "\0" else character for character in _first],
        )
_Loader.add_constructor(f"{_TAG}int", _constructed)
_Loader.add_constructor(f"{_TAG}float", _constructed)
_Loader.add_constructor(f"{_TAG}str", _text)
_Loader.add_constructor(f"{_TAG}null", _null)


def read_values(path: str | Path) -> dict[str, Any]:
    """Read a file of YAML or JSON, a mapping at its top, as plain data.

    Returns:
        What the file holds.

    Raises:
        ConfigError: in one sentence with the line, when the file is missing, no text in UTF-8, no
            YAML, no mapping, holds a key twice, or a word that readers of YAML read differently.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        raise ConfigError(f"{path} is not a file")
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        raise ConfigError(_not_there(path)) from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error})") from None
    if len(content) > MOST_BYTES:
        raise ConfigError(f"{path}: more than {MOST_BYTES:,} bytes; so many are allowed")
    values = parse_values(_decoded(content, str(path)), str(path))
    if values is None:
        raise ConfigError(f"{path} is empty; a configuration has the keys data, spaces and tasks")
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping, got {show(values)}")
    return values


def _not_there(path: Path) -> str:
    """That there is no configuration, where it was looked for, and what to do."""
    near = sorted(p.name for p in path.parent.glob("*.y*ml") if p.is_file())[:5]
    there = f"; files there: {', '.join(near)}" if near else ""
    return (
        f"no configuration at {path}{there}; {path.name} is looked for in the folder "
        f"{path.parent.absolute()}: go to the folder of your experiment, or name the file "
        "(--config FILE; snakemake: --configfile FILE); docs/tutorial.md starts with an empty one"
    )


def _decoded(content: bytes, origin: str) -> str:
    if content.startswith(_UTF_16):
        raise ConfigError(f"{origin}: the file is UTF-16; save it as UTF-8")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        byte = content[error.start]
        raise ConfigError(
            f"{origin}, line {line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8"
        ) from None


def parse_values(text: str, origin: str) -> Any:
    """Read a text of YAML or JSON as plain data.

    Args:
        text: the text.
        origin: where it stands, for messages.

    Returns:
        What it says: None for an empty one.

    Raises:
        ConfigError: see :func:`read_values`.
    """
    # JSON may be indented by tabs, and holds none in a text; YAML takes none.
    is_json = text.lstrip()[:1] == "{"
    try:
        loader = _Loader(text.replace("\t", " ") if is_json else text, origin)
        return loader.get_single_data()
    except yaml.YAMLError as error:
        raise ConfigError(f"{origin}{_explain(error, text)}") from None


def _explain(error: yaml.YAMLError, text: str) -> str:
    """What PyYAML found, in one sentence."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text[: error.position].count("\n") + 1
        return f", line {line}: a character that is not allowed (U+{_code(error.character):04X})"
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or error)
    line = mark.line + 1 if mark else 1
    if "'\\t'" in problem:
        problem = "a tab where YAML takes blanks alone"
    elif "another document" in problem:
        problem = "a second document begins; one is allowed"
    else:
        context = getattr(error, "context", None)
        whole = f"{context}, {problem}" if context else problem
        problem = f"not valid YAML: {_in_plain_words(whole)}"
    written = text.splitlines()[line - 1].strip() if line <= len(text.splitlines()) else ""
    return f", line {line}: {problem}" + (f"; the line is: {show(written)}" if written else "")


def _in_plain_words(problem: str) -> str:
    """What PyYAML says, for whoever does not know its parts."""
    if "<block mapping start>" in problem or "mapping values are not allowed" in problem:
        return (
            "this line is indented otherwise than the keys beside it, or the line before lacks a "
            "colon: keys of one mapping begin in the same column"
        )
    if "<block end>" in problem or "could not find expected ':'" in problem:
        return "this line is no key with a colon (key: value), or it is indented otherwise"
    return " ".join(problem.split())


def _code(character: Any) -> int:
    return character if isinstance(character, int) else ord(character)


def write_values(values: Any) -> str:
    """Plain data as YAML that :func:`parse_values` reads as the same, and so does any reader.

    Returns:
        The text.
    """
    return str(yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True))
