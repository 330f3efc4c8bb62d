"""A job's files: what is finished stays, what stands is not made again."""

from __future__ import annotations

from pathlib import Path

import pytest

from actsearch.records.formats import ArtifactError, read_json, write_json
from actsearch.records.packs import Pack

BLOCK = {"step": "train", "settings_digest": "settings", "code_digest": "code"}


def _pack(folder: Path, names: str = "abc") -> Pack:
    return Pack({folder / f"{name}.json": name for name in names}, BLOCK)


def _paths(folder: Path) -> list[Path]:
    return [folder / f"{name}.json" for name in "abc"]


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def _finish(pack: Pack, *paths: Path, value: int = 1) -> None:
    for path in paths:
        pack.finish(path, {"value": value}, BLOCK)


def test_items_appear_together_at_the_end(tmp_path: Path) -> None:
    pack = _pack(tmp_path)
    _finish(pack, *pack.to_do())
    assert not any(path.exists() for path in _paths(tmp_path))
    pack.release()
    assert _names(tmp_path) == ["a.json", "b.json", "c.json"]


def test_a_stopped_job_keeps_what_it_finished(tmp_path: Path) -> None:
    _finish(_pack(tmp_path), tmp_path / "a.json")  # and then the job is killed
    again = _pack(tmp_path)
    assert again.to_do() == [tmp_path / "b.json", tmp_path / "c.json"]
    _finish(again, *again.to_do(), value=2)
    again.release()
    assert [read_json(tmp_path / f"{name}.json")["value"] for name in "abc"] == [1, 2, 2]
    assert _names(tmp_path) == ["a.json", "b.json", "c.json"]


def test_standing_files_are_left_alone(tmp_path: Path) -> None:
    first = _pack(tmp_path, "ab")
    _finish(first, *first.to_do())
    first.release()
    before = (tmp_path / "a.json").stat().st_mtime_ns
    other = _pack(tmp_path, "abc")
    assert other.to_do() == [tmp_path / "c.json"]
    _finish(other, tmp_path / "c.json")
    other.release()
    assert (tmp_path / "a.json").stat().st_mtime_ns == before


def test_other_settings_code_or_item_do_not_stand(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for change in ({"settings_digest": "x"}, {"code_digest": "x"}, {"item": "x"}):
        write_json(path, {"value": 1}, {**BLOCK, "item": "a", **change})
        assert _pack(tmp_path, "a").to_do() == [path]
    write_json(path, {"value": 1}, {**BLOCK, "item": "a"})
    assert _pack(tmp_path, "a").to_do() == []


def test_the_same_data_may_lie_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"value": 1}, {**BLOCK, "item": "a", "data": {"data/manifest.json": "sha"}})
    for data, stands in (({"/scratch/manifest.json": "sha"}, True), ({"x": "other"}, False)):
        assert (Pack({path: "a"}, BLOCK | {"data": data}).to_do() == []) == stands
    assert _pack(tmp_path, "a").to_do() == []


def test_a_file_cut_short_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"value": ')
    assert _pack(tmp_path, "a").to_do() == [tmp_path / "a.json"]


def test_neighbours_held_items_are_not_touched(tmp_path: Path) -> None:
    other = _pack(tmp_path, "z")
    _finish(other, tmp_path / "z.json")
    mine = _pack(tmp_path, "a")
    _finish(mine, tmp_path / "a.json")
    mine.release()
    other.release()
    assert _names(tmp_path) == ["a.json", "z.json"]


def test_releasing_too_early_names_what_is_missing(tmp_path: Path) -> None:
    pack = _pack(tmp_path, "ab")
    _finish(pack, tmp_path / "a.json")
    with pytest.raises(ArtifactError, match=r"b\.json: not finished"):
        pack.release()
    assert _names(tmp_path) == ["a.json"]


def test_the_files_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "trial.txt"
    pack = Pack({path: "a"}, BLOCK)
    _finish(pack, path)
    pack.release()
    assert _names(tmp_path) == ["trial.txt"]
    assert Pack({path: "a"}, BLOCK).to_do() == []


def test_a_late_job_does_not_overwrite_what_a_newer_one_made(tmp_path: Path) -> None:
    """A job of a killed run, whose configuration was changed meanwhile."""
    path = tmp_path / "a.json"
    late = _pack(tmp_path, "a")
    late.finish(path, {"value": 1}, {**BLOCK, "job_started": "2026-01-01T10:00:00.000+00:00"})
    newer = {**BLOCK, "settings_digest": "other", "job_started": "2026-01-01T11:00:00.000+00:00"}
    write_json(path, {"value": 2}, {**newer, "item": "a"})
    with pytest.raises(ArtifactError, match=r"a\.json: a later job has made it otherwise"):
        late.release()
    assert read_json(path)["value"] == 2


@pytest.mark.parametrize("older", [{"job_started": "2026-01-01T09:00:00.000+00:00"}, {}])
def test_what_an_older_job_made_otherwise_is_replaced(
    older: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"value": 1}, {**BLOCK, "settings_digest": "other", "item": "a", **older})
    newer = _pack(tmp_path, "a")
    newer.finish(path, {"value": 2}, {**BLOCK, "job_started": "2026-01-01T10:00:00.000+00:00"})
    newer.release()
    assert read_json(path)["value"] == 2
    assert _names(tmp_path) == ["a.json"]


def test_of_two_jobs_with_one_item_the_first_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    late, first = _pack(tmp_path, "a"), _pack(tmp_path, "a")
    _finish(first, path, value=1)
    first.release()
    _finish(late, path, value=2)
    late.release()
    assert read_json(path)["value"] == 1
    assert _names(tmp_path) == ["a.json"]


def test_what_is_said_of_one_file_alone_must_hold_too(tmp_path: Path) -> None:
    path, other = tmp_path / "a.json", tmp_path / "b.json"

    def pack(digest: str | None) -> Pack:
        operators = {"my_operators": digest} if digest else {}
        return Pack({path: "a", other: "b"}, BLOCK, {path: {"operators": operators}, other: {}})

    _finish(pack("1"), path, other)
    pack("1").release()
    assert read_json(path)["provenance"]["operators"] == {"my_operators": "1"}
    assert "operators" not in read_json(other)["provenance"]
    assert pack("1").to_do() == []
    assert pack("2").to_do() == pack(None).to_do() == [path]
