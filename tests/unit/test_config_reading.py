"""A configuration is read without surprises: what readers read differently is refused."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_experiment import SMALL

from actsearch.config import (
    ConfigError,
    load_config,
    parse_config,
    parse_values,
    read_values,
    write_values,
)

TEXT = yaml.safe_dump(SMALL, sort_keys=False)


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        parse_values(text, "f.yaml")
    message = str(error.value)
    assert "\n" not in message
    return message


def of_file(content: bytes, tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        load_config(path)
    message = str(error.value)
    assert "\n" not in message and message.startswith(str(path))
    return message.removeprefix(str(path))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E5", 100000.0),
        ("-1.5e3", -1500.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("+4", 4),
        ("0", 0),
        ("-0", 0),
        ("0x1F", 31),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("y", "y"),
        ("1e", "1e"),
        ("1.2.3", "1.2.3"),
        ("'012'", "012"),
        ('"yes"', "yes"),
        ("'<<'", "<<"),
        ("'2024-01-01'", "2024-01-01"),
        ('"\\ud83d\\ude00"', "😀"),
        ("[1, 2e0, a]", [1, 2.0, "a"]),
    ],
)
def test_a_word_is_what_yaml_1_2_says(text: str, value: Any) -> None:
    found = parse_values(f"a: {text}", "f")["a"]
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    "word",
    [
        "yes",
        "No",
        "ON",
        "off",
        "012",
        "-07",
        "08",
        "0o17",
        "0b11",
        "1_000",
        "1_0.5",
        "1:30",
        "-0x1",
        "1:30.5",
        "2024-01-01",
        "2024-01-01 10:00:00",
        "=",
    ],
)
@pytest.mark.parametrize("form", ["a:\n  b: {}", "a: {{b: {}}}", "{}: 1", "a: [{}]"])
def test_what_readers_read_differently_is_refused(word: str, form: str) -> None:
    message = refusal(form.format(word))
    assert form.startswith("{") or "a.b: " in message or "a[0]: " in message
    assert f"{word} is read in two ways" in message and "put it in quotes" in message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: 2\na: 3", "line 3: a: the key is there twice (lines 1 and 3)"),
        ("{a: 1, a: 2}", "line 1: a: the key is there twice (line 1)"),
        ("a:\n  b: 1\n  'b': 1", "line 3: a.b: the key is there twice (lines 2 and 3)"),
        ("- {a: 1}\n- b:\n  - c: 1\n    c: 1", "[1].b[0].c: the key is there twice (lines 3"),
        ("x: &x {a: 1}\ny:\n  <<: *x\n  b: 1\n  <<: *x", "y.'<<': the key is there twice"),
        ('{"a": 1,\n"\\u0061": 2}', "a: the key is there twice (lines 1 and 2)"),
        ("1: a", "key 1 is not text: put it in quotes"),
        ("a: {null: 1}", "a: key null is not text"),
        ("? [1]\n: 2", "a list or a mapping cannot be a key"),
        ("a: &a [*a]", "*a is inside of what it repeats"),
        ("a: &a {b: {<<: *a}}", "*a is inside of what it repeats"),
        ("a: *b", "found undefined alias 'b'"),
        ("a: &b 1\nc: &b 2", "duplicate anchor 'b'"),
        ("a: <<", "<< means the keys of another mapping"),
        ("a: !!set {b}", "a: the tag !!set is not allowed; plain text"),
        ("a: !!python/object:os.system x", "a: the tag !!python/object:os.system is not allowed"),
        ("a: !!timestamp 2024-01-01", "a: the tag !!timestamp is not allowed"),
        ("a: !!binary aGk=", "a: the tag !!binary is not allowed"),
        ("a: [!mine x]", "a[0]: the tag !mine is not allowed"),
        ("a: .inf", "a: .inf is no number that JSON holds; allowed: finite numbers"),
        ("a: -.INF", "-.INF is no number"),
        ("a: .nan", ".nan is no number"),
        ("a: 1e999", "1e999 is no number"),
        ("a: 1e-999", "1e-999 is no number"),
        ("a: " + "9" * 5000, "a: a number of 5,000 characters; allowed: 400"),
        ("a: 1\n\tb: 2", "line 2: a tab where YAML takes blanks alone"),
        ("a: 1\n---\na: 2", "line 2: a second document begins; one is allowed"),
        ("a: b\0c", "line 1: a character that is not allowed (U+0000)"),
        ("a: [1", "line 1: not valid YAML"),
        ("a: " + "[" * 100_000, "more than 50 levels"),
        ("a: " + "{a: " * 100_000, "more than 50 levels"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text: str, expected: str) -> None:
    assert expected in refusal(text)


def test_aliases_that_repeat_each_other_are_counted() -> None:
    lines = ["a: &a [" + ",".join(["x"] * 9) + "]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]")
    assert "more than 1,000,000 values, those of aliases counted again" in refusal("\n".join(lines))


def test_anchors_and_merge_keys_work() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {c: 3}\nz:\n  <<: [*x, *y]\n  a: 4\nw: *y"
    found = parse_values(text, "f")
    assert found["z"] == {"a": 4, "b": 2, "c": 3} and found["w"] == {"c": 3}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", " is empty; a configuration has the keys data, spaces and tasks"),
        (b"# nothing\n", " is empty"),
        (b"- 1", ": expected a mapping, got [1]"),
        (b"text", ": expected a mapping, got 'text'"),
        (
            "# \u00e9\n".encode("latin-1"),
            ", line 1: byte 0xe9 is not UTF-8; save the file as UTF-8",
        ),
        (b"a: 1\nb: \xff\n", ", line 2: byte 0xff is not UTF-8"),
        (TEXT.encode("utf-16"), ": the file is UTF-16; save it as UTF-8"),
        (TEXT.encode("utf-16-le"), ", line 1: a character that is not allowed (U+0000)"),
        (b"a: 1\n" * 1_100_000, ": more than 5,000,000 bytes; so many are allowed"),
    ],
)
def test_a_file_that_is_no_configuration(content: bytes, expected: str, tmp_path: Path) -> None:
    assert expected in of_file(content, tmp_path)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a file"):
        read_values(tmp_path)
    with pytest.raises(ConfigError, match="is not a file"):
        read_values("/dev/zero")


def test_a_byte_order_mark_of_utf_8_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(TEXT, encoding="utf-8-sig")
    assert read_values(path) == SMALL


def test_json_is_read_by_the_same_rules(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(SMALL, indent="\t"))
    assert read_values(path) == SMALL
    path.write_text(json.dumps({"a": '😀"\\/\n', "b": 1e-05}))
    assert read_values(path) == {"a": '😀"\\/\n', "b": 1e-05}


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")))
    | st.sampled_from(
        ["yes", "012", "1e-3", "1_0", "<<", "=", "", "1:30", "2024-01-01", "~", "\n"]
    ),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc123"), inner),
    max_leaves=10,
)


@given(PLAIN)
def test_what_is_written_is_read_again(value: Any) -> None:
    text = write_values({"a": value})
    assert parse_values(text, "f") == {"a": value}
    assert yaml.safe_load(text) == {"a": value}, "another reader reads something else"


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        (float("inf"), "model_options.o: inf is no number that JSON holds"),
        (float("nan"), "nan is no number that JSON holds"),
        (10**400, "from -2^63 to 2^63 - 1, got a whole number of about 400 digits"),
        ({"a"}, "{'a'} is of type set; allowed: text, finite numbers"),
        (b"a", "b'a' is of type bytes"),
        ("\ud800", "'\\ud800' holds half a character (U+D800)"),
        ("a\x1b[31m", "holds a control character (U+001B)"),
        ([{"b": {1: 2}}], "model_options.o[0].b.1: a key must be text, got 1"),
        ([{"b\0": 2}], "a key that is 'b\\x00' holds a control character"),
        ("x" * 200_000, "a text of 200,000 characters; allowed: 100,000"),
        ({"k" * 300: 1}, "a key of 300 characters; allowed: 200"),
    ],
)
def test_options_of_a_model_are_what_json_holds(option: Any, expected: str) -> None:
    values = copy.deepcopy(SMALL)
    values["tasks"]["tiny"]["model_options"] = {"o": option}
    with pytest.raises(ConfigError) as error:
        parse_config(values)
    assert expected in str(error.value) and "\n" not in str(error.value)


def test_options_of_a_model_are_as_written() -> None:
    options = "{lr: 1e-3, n: 3, s: '1e-3', deep: {a: [1, 2.5, null, true]}}"
    values = copy.deepcopy(SMALL)
    values["tasks"]["tiny"]["model_options"] = parse_values(options, "f")
    found = parse_config(values).tasks["tiny"].model_options
    assert found == {"lr": 0.001, "n": 3, "s": "1e-3", "deep": {"a": [1, 2.5, None, True]}}
    assert type(found["lr"]) is float and type(found["n"]) is int


def test_a_list_in_itself_is_refused() -> None:
    values: dict[str, Any] = copy.deepcopy(SMALL)
    ring: list[Any] = []
    ring.append(ring)
    values["tasks"]["tiny"]["model_options"] = {"o": ring}
    with pytest.raises(ConfigError, match="more than 50 levels"):
        parse_config(values)
