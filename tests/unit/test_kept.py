"""Digests of sources that are kept between commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.records import code
from actsearch.records.kept import KeptDigests

DIGEST = "sha256:00"
MAKER = Path(code.__file__)


def _made(kept: KeptDigests, content: bytes, kind: str = "module") -> tuple[str, bool]:
    """The digest of ``content``, and whether it was made for that."""
    made: list[str] = []

    def make() -> str:
        made.append(DIGEST)
        return DIGEST

    return kept.digest(content, kind, make), bool(made)


def test_what_was_made_once_is_kept_by_content_and_kind(tmp_path: Path) -> None:
    (tmp_path / ".snakemake").mkdir()
    first = KeptDigests(tmp_path, MAKER)
    assert _made(first, b"x = 1") == (DIGEST, True)
    assert _made(first, b"x = 1") == (DIGEST, False)
    first.write()
    again = KeptDigests(tmp_path, MAKER)
    assert _made(again, b"x = 1") == (DIGEST, False)
    assert _made(again, b"x = 2") == (DIGEST, True)
    assert _made(again, b"x = 1", "command") == (DIGEST, True)


def test_what_another_source_made_is_made_again(tmp_path: Path) -> None:
    (tmp_path / ".snakemake").mkdir()
    maker = tmp_path / "code.py"
    for text, is_new in (("one", True), ("one", False), ("two", True)):
        maker.write_text(text)
        kept = KeptDigests(tmp_path, maker)
        assert _made(kept, b"x = 1") == (DIGEST, is_new)
        kept.write()


def test_nothing_is_written_where_snakemake_has_no_folder(tmp_path: Path) -> None:
    kept = KeptDigests(tmp_path, MAKER)
    _made(kept, b"x = 1")
    kept.write()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", "\0", pytest.param("[" * 100_000, id="deep")]
)
def test_a_damaged_file_counts_as_empty_and_is_written_anew(tmp_path: Path, text: str) -> None:
    path = tmp_path / ".snakemake" / "code.json"
    path.parent.mkdir()
    path.write_text(text)
    kept = KeptDigests(tmp_path, MAKER)
    assert _made(kept, b"x = 1") == (DIGEST, True)
    kept.write()
    assert list(json.loads(path.read_text()).values()) == [DIGEST]


def test_a_kept_value_that_is_no_digest_is_made_again(tmp_path: Path) -> None:
    (tmp_path / ".snakemake").mkdir()
    kept = KeptDigests(tmp_path, MAKER)
    _made(kept, b"x = 1")
    kept.write()
    path = tmp_path / ".snakemake" / "code.json"
    path.write_text(path.read_text().replace(DIGEST, "nonsense"))
    assert _made(KeptDigests(tmp_path, MAKER), b"x = 1") == (DIGEST, True)


def test_digests_of_code_are_the_same_kept_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".snakemake").mkdir()
    entry = "actsearch.functions.expressions"
    found = []
    for _ in range(2):
        for cached in (code.module_digests, code._module_digest, code._kept):
            cached.cache_clear()
        found.append(code.module_digests(entry))
    assert found[0] == found[1]
    source = code._own_source(entry)
    digest = code.source_digest(source.read_bytes())
    assert found[0][entry] == code._with_templates(digest, source)
    assert (tmp_path / ".snakemake" / "code.json").is_file()


def test_an_audit_reads_no_digest_that_somebody_may_have_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / ".snakemake" / "code.json"
    path.parent.mkdir()
    entry = "actsearch.functions.expressions"

    def digests() -> dict[str, str]:
        for cached in (code.module_digests, code._module_digest, code._kept):
            cached.cache_clear()
        return code.module_digests(entry)

    right = digests()
    path.write_text(json.dumps(dict.fromkeys(json.loads(path.read_text()), "sha256:f0")))
    assert digests() != right
    for name in ("Snakefile", "config.yaml", "workflow"):
        Path(name).symlink_to(Path(__file__).parents[2] / name)
    load_commands()
    done = CliRunner().invoke(app, ["audit"])
    assert "nothing is there" in done.output
    assert code.module_digests(entry) == right
