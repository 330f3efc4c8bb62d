"""What the site's reference is made of: tables of the configuration and of the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_tables import application, command_tables, describe, panels
from config_tables import anchor, config_tables, kind, places
from documentation import ROOT
from repository_links import linked_files, links, page_of, rewrite
from site_hooks import expand

SCHEMA = json.loads((ROOT / "workflow/schemas/config.schema.json").read_text())


def test_every_key_of_the_configuration_is_in_a_table_of_its_own_object() -> None:
    text = config_tables(SCHEMA)
    sections = dict(zip(places(SCHEMA), text.split("\n## "), strict=True))
    for place, part in places(SCHEMA).items():
        for key in part["properties"]:
            assert f"\n| `{key}` |" in sections[place], (place, key)
    assert len(places(SCHEMA)) == 1 + len(SCHEMA["$defs"])
    assert len({anchor(place) for place in places(SCHEMA)}) == len(places(SCHEMA))


def test_a_table_says_type_default_limits_and_meaning() -> None:
    text = config_tables(SCHEMA)
    assert "| `learning_rate` | number above 0 | **required** | Peak learning rate. |" in text
    assert "| `optimizer` | `sgd`, `adamw` | **required** |" in text
    assert "| `momentum` | number at least 0, below 1 | `0.9` |" in text
    assert "| `gradient_clip` | number above 0 or none | `none` |" in text
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {5}
    assert "``" not in text


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ({"type": "array", "items": {"type": "integer"}, "minItems": 1},
         "list of: whole number (1 or more)"),
        ({"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]},
         "list of 2: number, number"),
        ({"const": "baselines"}, "`baselines`"),
        ({"$ref": "#/$defs/Recipe"}, "[keys](#config-here)"),
        ({"type": "integer", "maximum": 2**31 - 1}, "whole number"),
        ({}, "any value"),
    ],
)  # fmt: skip
def test_kinds_of_values(field: dict[str, object], said: str) -> None:
    assert kind(field, {"Recipe": "config-here"}) == said


def test_every_command_and_option_is_listed() -> None:
    group = application()
    text = command_tables(group)
    listed = [name for names in panels(group).values() for name in names]
    assert set(listed) == {n for n, command in group.commands.items() if not command.hidden}
    for name in listed:
        own = text.partition(f"### {name} {{#{name}}}")[2].partition("\n### ")[0]
        assert own, name
        for param in group.commands[name].params:
            if param.param_type_name == "option" and not param.hidden:
                assert f"`{param.opts[0]}`" in own, (name, param.opts)


def test_values_and_defaults_of_options_are_whole() -> None:
    group = application()
    rows = {
        name: [line for line in describe(name, group.commands[name]).splitlines() if "`--" in line]
        for name in ("replay", "plot", "ship")
    }
    for name, option, cells in (
        ("replay", "--seed", "whole number at least 0 | `0`"),
        ("plot", "--range", "two numbers | `-5 5`"),
        ("plot", "--names", "switch | "),
        ("ship", "--out", "path | `data/act-bench-small`"),
    ):
        (row,) = [row for row in rows[name] if f"`{option}`" in row]
        assert f"| {cells} |" in row


def test_links_out_of_the_pages_lead_to_pages_that_show_the_files(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "a.yaml").write_text("key: 1\n")
    (tmp_path / "other.md").write_text("[b](docs/b.md#c) [a](a.yaml)\n")
    (tmp_path / "docs/b.md").write_text(
        "[a](../a.yaml) [o](../other.md) [n](../none.md) [h](https://x.y) [p](p.svg)\n"
        "```sh\n[a](../a.yaml)\n```\n"
    )
    (tmp_path / "docs/p.svg").write_text("<svg/>")
    page = tmp_path / "docs/b.md"
    assert links(page.read_text()) == ["../a.yaml", "../other.md", "../none.md", "p.svg"]
    written = rewrite(page.read_text(), "docs/b.md", tmp_path)
    assert written == (
        "[a](files/a.yaml.md) [o](files/other.md) [n](../none.md) [h](https://x.y) [p](p.svg)\n"
        "```sh\n[a](../a.yaml)\n```\n"
    )
    shown = linked_files([page], tmp_path)
    assert set(shown) == {"a.yaml", "other.md"}
    assert "key: 1" in shown["a.yaml"]
    assert shown["other.md"] == "[b](../b.md#c) [a](a.yaml.md)\n"
    assert page_of("docs/b.md") == "b.md"


def test_markers_are_filled_in_and_files_become_titles() -> None:
    assert expand("```python a.py\nx\n```\n") == '```python title="a.py"\nx\n```\n'
    filled = expand("Before.\n\n<!-- site: configuration -->\n(Not in the site.)\n\nAfter.\n")
    assert "| `learning_rate` |" in filled and "Not in the site" not in filled
    assert filled.startswith("Before.\n") and filled.endswith("\nAfter.\n")
    with pytest.raises(ValueError, match="site: nothing"):
        expand("<!-- site: nothing -->\n")
