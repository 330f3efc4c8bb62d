"""Tables put into a folder of data: audited, added to, made again, and tampered with."""

from __future__ import annotations

import copy as copying
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from experiment import SMALL, Experiment

from actsearch import load_benchmark, load_features, load_map, load_runs
from actsearch.records import shipped
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import (
    read_array,
    read_arrays,
    read_json,
    read_table,
    write_arrays,
    write_json,
    write_table,
)

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

# The sources may be edited while tests run: what that finds is no matter here.
USUAL = ("--allow", "dirty")
TINY = Path("ships/tiny")


def ship(experiment: Experiment, *words: str) -> str:
    """What the command prints, which may have found that sources were edited."""
    done = experiment.actsearch("ship", "--out", "ships", *words)
    assert done.returncode in (0, 1), done.stderr
    kinds = {line.partition(":")[0] for line in done.stdout.splitlines() if line[:1] != " "}
    assert done.returncode == 0 or kinds == {"dirty"}, done.stdout
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def shipping(finished: Experiment, tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """A folder with nothing but the tables of the finished experiment; tests do not change it."""
    folder = tmp_path_factory.mktemp("shipping")
    done = finished.actsearch("ship", "--task", "tiny", "--out", str(folder / "ships"))
    assert (folder / "ships/README.md").is_file(), done.stderr
    return Experiment(folder)


@pytest.fixture
def changed(shipping: Experiment, tmp_path: Path) -> Experiment:
    """A copy, to be changed."""
    shutil.copytree(shipping.folder, tmp_path / "changed")
    return Experiment(tmp_path / "changed")


def findings(experiment: Experiment, *words: str) -> dict[str, dict[str, str]]:
    done = experiment.actsearch("audit", "ships", "--out", "found.json", *USUAL, *words)
    found: dict[str, dict[str, str]] = read_json(experiment.folder / "found.json")["findings"]
    (experiment.folder / "found.json").unlink()
    assert done.returncode == bool(set(found) - {"dirty"}), done.stdout
    return {kind: told for kind, told in found.items() if kind != "dirty"}


def test_what_ships_says_what_the_results_say(shipping: Experiment, finished: Experiment) -> None:
    place = shipping.folder / TINY
    table = load_benchmark(place)
    assert table.equals(load_benchmark(finished.path("tiny/benchmark.parquet")))
    features = load_features(place)
    np.testing.assert_array_equal(
        features.outputs, read_array(finished.path("spaces/small/outputs.npy"))
    )
    assert load_map(place)["name"].tolist() == features.names
    runs = load_runs(place).set_index(["name", "seed"])
    for path in finished.path("tiny/trials").glob("*.json"):
        trial = read_json(path)
        if trial["function"] in set(table["name"]):
            for run in trial["runs"]:
                assert run["train_score"] == runs["train_score"][trial["function"], run["seed"]]


def test_it_holds_by_itself(shipping: Experiment) -> None:
    assert findings(shipping) == {}
    done = shipping.actsearch("audit", "ships", *USUAL)
    n = len(load_benchmark(shipping.folder / TINY))
    assert done.returncode == 0
    assert f"{n + 6} files" in done.stdout


def test_drawn_entries_give_the_same_bits(shipping: Experiment) -> None:
    done = shipping.actsearch("replay", str(TINY), "--entries", "2", "--seed", "5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tiny: 2 of 2 functions identical" in done.stdout
    assert sorted(path.name for path in shipping.folder.iterdir()) == ["ships"]


def test_entries_that_differ_are_told(changed: Experiment) -> None:
    place = changed.folder / TINY / shipped.FISHER
    arrays, block = read_arrays(place), read_provenance(place)
    first = int(arrays["bins"][0])
    arrays["counts"][:, :first] = arrays["counts"][:, :first][:, ::-1]
    write_arrays(place, arrays, block)
    done = changed.actsearch("replay", str(TINY), "--entries", "24", "--keep", "kept")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Fisher feature" in done.stdout and "values differ" in done.stdout
    assert (changed.folder / "kept/again/config.yaml").is_file()


def test_bad_replays_are_one_message(shipping: Experiment) -> None:
    for words, told in (
        ((str(TINY), "--entries", "1000"), "tiny has 24 functions"),
        (("tony",), "tony: no table that ships"),
        (("ships",), "ships: name one table: tiny"),
        (("ships/README.md", "--entries", "2"), "ships/README.md: no table that ships"),
    ):
        done = shipping.actsearch("replay", *words)
        assert done.returncode == 2, done.stdout
        assert told in done.stderr and "Traceback" not in done.stderr


def _flip(place: Path) -> None:
    content = bytearray((place / shipped.MAP).read_bytes())
    content[len(content) // 3] ^= 0x10
    (place / shipped.MAP).write_bytes(content)


def _sealed_anew(name: str, column: str) -> Callable[[Path], None]:
    """An edit of a column of numbers by somebody who computes the digests anew."""

    def tamper(place: Path) -> None:
        table, block = read_table(place / name), read_provenance(place / name)
        table.loc[3, column] += 0.125
        write_table(place / name, table, block)

    return tamper


def _better_trial(place: Path) -> None:
    table, block = (f(place / shipped.TRIALS) for f in (read_table, read_provenance))
    row = table.index[table["slug"] == "relu.x"][0]
    table.loc[row, "trial"] = table.loc[row, "trial"].replace('"epochs":1', '"epochs":9')
    write_table(place / shipped.TRIALS, table, block)


def _one_trial_less(place: Path) -> None:
    table, block = (f(place / shipped.TRIALS) for f in (read_table, read_provenance))
    write_table(place / shipped.TRIALS, table[table["slug"] != "relu.x"], block)


def _to_another_place(place: Path) -> None:
    table, block = (f(place / shipped.TRIALS) for f in (read_table, read_provenance))
    table.loc[table["slug"] == "relu.x", "slug"] = "../../../relu.x"
    write_table(place / shipped.TRIALS, table, block)


def _less_fisher(place: Path) -> None:
    arrays, block = (f(place / shipped.FISHER) for f in (read_arrays, read_provenance))
    arrays["counts"] //= 2
    write_arrays(place / shipped.FISHER, arrays, block)


def _better_figure(place: Path) -> None:
    card = place.parent / shipped.CARD
    card.write_text(card.read_text().replace("| tiny | 24 |", "| tiny | 25 |"))


def _other_recipe(place: Path) -> None:
    config = place.parent / shipped.CONFIGURATION
    config.write_text(config.read_text().replace("learning_rate: 0.01", "learning_rate: 0.02"))


TAMPERED: dict[str, tuple[Callable[[Path], None], str, str, str]] = {
    "a byte": (_flip, "*", "tiny/map.parquet", ""),
    "table": (
        _sealed_anew(shipped.TABLE, "validation_score"),
        "altered",
        "tiny/benchmark.parquet",
        "is not the table that the trials give",
    ),
    "runs": (
        _sealed_anew(shipped.RUNS, "train_score"),
        "altered",
        "tiny/runs.parquet",
        "is not what the trials give",
    ),
    "trial": (_better_trial, "altered", "tiny/trials.parquet: relu.x", "its content was edited"),
    "no trial": (_one_trial_less, "altered", "tiny/trials.parquet", "are not those of"),
    "a path": (_to_another_place, "unreadable", "tiny/trials.parquet", "is not the slug"),
    "fisher": (_less_fisher, "altered", "tiny/fisher.npz", "do not add up to 1"),
    "card": (_better_figure, "altered", "README.md", "lacks the figures"),
    "recipe": (_other_recipe, "settings", "tiny/trials.parquet: relu.x", "learning_rate"),
    "lost": (
        lambda place: (place / shipped.RUNS).unlink(),
        "unreadable",
        "tiny/runs.parquet",
        "missing",
    ),
    "stray": (
        lambda place: (place / "notes.txt").write_text("x") and None,
        "stray",
        "tiny/notes.txt",
        "belongs to no table",
    ),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_tampering_is_found(changed: Experiment, what: str) -> None:
    tamper, kind, path, message = TAMPERED[what]
    tamper(changed.folder / TINY)
    found = findings(changed)
    told = (
        found[kind] if kind != "*" else {**found.get("altered", {}), **found.get("unreadable", {})}
    )
    assert message in told[path]


def test_edited_code_is_told_and_fails_nothing(
    changed: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    from actsearch.cli.questions import audit_shipped
    from actsearch.plan import staleness

    now = {"actsearch.training.fitting": "sha256:" + "0" * 64}
    monkeypatch.setattr(staleness, "module_digests", lambda *names: now)
    _, found = audit_shipped.audit_shipped(changed.folder / "ships")
    assert {finding.kind for finding in found} - {"dirty"} == {"code"}
    assert "code" in audit_shipped.FURTHER_ALLOWED


def test_further_tables_leave_those_that_are_there(copy: Experiment) -> None:
    first = ship(copy)
    assert "packing tiny" in first
    before = {path: path.read_bytes() for path in (copy.folder / TINY).iterdir()}
    config = copying.deepcopy(SMALL)
    other = copying.deepcopy(config["tasks"]["tiny"])
    other = {key: other[key] for key in ("data", "model", "recipe", "fisher", "map", "benchmark")}
    config["tasks"]["other"] = {**other, "seeds": [4], "functions_per_job": 30}
    copy.configure(config)

    incomplete = copy.actsearch("ship", "--out", "ships", "--task", "other")
    assert incomplete.returncode == 2
    assert "results/other/benchmark.parquet" in incomplete.stderr
    assert "other is not complete and is left out" in ship(copy)
    assert not (copy.folder / "ships/other").exists()

    wanted = [f"results/other/{name}.parquet" for name in ("benchmark", "map")]
    copy.snakemake("--cores", "2", *wanted)
    assert "tiny ships already and is kept" in ship(copy)
    assert {path: path.read_bytes() for path in (copy.folder / TINY).iterdir()} == before
    assert shipped.tables_in(copy.folder / "ships") == ["other", "tiny"]
    card = (copy.folder / "ships/README.md").read_text()
    assert "| other | 24 | 1 | 24 |" in card and "| tiny | 24 | 2 | 48 |" in card
    assert findings(copy) == {}

    # A configuration under which a table there would be another is refused, and nothing written.
    config["tasks"]["tiny"]["recipe"] = {**config["tasks"]["tiny"]["recipe"], "epochs": 2}
    copy.configure(config)
    refused = copy.actsearch("ship", "--out", "ships", "--task", "other")
    assert refused.returncode == 2
    assert "'tiny' was made under other settings of train" in refused.stderr
    assert (copy.folder / "ships/README.md").read_text() == card


def test_medians_that_the_runs_do_not_give_are_found(copy: Experiment) -> None:
    place = Path("results/tiny/trials/relu.x.json")
    trial = read_json(copy.folder / place)
    block = trial.pop("provenance")
    # Sealed anew, and the table made anew: all that is left to find is that the runs say otherwise.
    write_json(copy.folder / place, {**trial, "validation_score": 0.99}, block, place=place)
    words = ["--functions", "results/spaces/small/functions.parquet"]
    words += ["--trials", "results/tiny/trials", "--out", "results/tiny/benchmark.parquet"]
    assert copy.actsearch("benchmark", "--task", "tiny", *words).returncode == 0
    done = copy.actsearch("ship", "--out", "ships")
    assert done.returncode == 1
    assert "relu.x: its runs do not give validation_score" in done.stdout
    assert set(findings(copy)) == {"altered"}


def test_results_that_changed_since_do_not_ship(copy: Experiment) -> None:
    trial = copy.path("tiny/trials/relu.x.json")
    shutil.copy(trial, copy.folder / "kept.json")
    trial.write_text(trial.read_text().replace('"epochs": 1', '"epochs": 9'))
    done = copy.actsearch("ship", "--out", "ships")
    assert done.returncode == 2
    assert "results/tiny/trials/relu.x.json: altered since it was written" in done.stderr
    assert not (copy.folder / "ships").exists() or not any((copy.folder / "ships").iterdir())
    done = copy.actsearch("ship", "--out", "ships", "--results", "workflow")
    assert done.returncode == 2 and "--results workflow" in done.stderr
