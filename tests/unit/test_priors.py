"""How functions rank on other tasks."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import rankdata, spearmanr
from small_experiment import SMALL
from typer.testing import CliRunner

from actsearch.cli.app import app, load_commands
from actsearch.config import Config, ConfigError, parse_config
from actsearch.functions.enumeration import enumerate_space
from actsearch.functions.equivalence import outputs as evaluate
from actsearch.functions.expressions import parse
from actsearch.functions.spaces import SearchSpace
from actsearch.plan.settings import priors as priors_settings
from actsearch.records.embedded import read_provenance
from actsearch.records.formats import read_table, write_array, write_table
from actsearch.search.priors import rank_elsewhere

LISTED = enumerate_space(SearchSpace(("unary(unary(x))",)))
NAMES = [LISTED.names[i] for i in np.flatnonzero(LISTED.representative)]
OUTPUTS = np.asarray(evaluate([parse(name) for name in NAMES]), dtype=float)
FINITE = np.isfinite(OUTPUTS).all(axis=1)
# A score that outputs tell: how far the function's values lie apart, on a scale of logarithms.
SPREAD = np.log1p(np.where(np.isfinite(OUTPUTS), OUTPUTS, 0).std(axis=1))


def table(names: list[str], scores: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"name": names, "validation_score": scores})


def test_there_is_something_to_test() -> None:
    assert len(NAMES) > 150
    assert FINITE.sum() > 100 and not FINITE.all()


def test_measured_ranks_are_kept() -> None:
    scores = np.random.default_rng(0).normal(size=len(NAMES)).round(1)  # some are equal
    order = np.random.default_rng(1).permutation(len(NAMES))
    other = table([NAMES[i] for i in order], scores[order])
    found = rank_elsewhere(NAMES, OUTPUTS, {"other": other})
    assert found.columns.to_list() == ["name", "prior_other"]
    assert found["name"].to_list() == NAMES
    expected = (rankdata(scores) - 1) / (len(NAMES) - 1)
    np.testing.assert_allclose(found["prior_other"], expected)


def test_other_functions_are_foretold_by_their_outputs() -> None:
    known = np.flatnonzero(FINITE)[::2]
    other = table([NAMES[i] for i in known], SPREAD[known])
    found = rank_elsewhere(NAMES, OUTPUTS, {"other": other})["prior_other"].to_numpy()
    measured = (rankdata(SPREAD[known]) - 1) / (len(known) - 1)
    np.testing.assert_allclose(found[known], measured)
    rest = np.setdiff1d(np.flatnonzero(FINITE), known)
    assert spearmanr(found[rest], SPREAD[rest]).statistic > 0.9
    assert ((found >= 0) & (found <= 1)).all()


def test_what_has_no_finite_outputs_has_the_middle_rank() -> None:
    known = np.flatnonzero(FINITE)[:40]
    other = table([NAMES[i] for i in known], SPREAD[known])
    found = rank_elsewhere(NAMES, OUTPUTS, {"other": other})["prior_other"].to_numpy()
    assert (found[~FINITE] == 0.5).all()
    assert len(set(found[FINITE])) > 20


def test_a_function_whose_outputs_are_not_finite_keeps_its_measured_rank() -> None:
    chosen = [int(np.flatnonzero(~FINITE)[0]), *np.flatnonzero(FINITE)[:4].tolist()]
    other = table([NAMES[i] for i in chosen], np.array([0.9, 0.1, 0.2, 0.3, 0.4]))
    found = rank_elsewhere([NAMES[chosen[0]]], OUTPUTS[chosen[:1]], {"other": other})
    assert found["prior_other"].to_list() == [1.0]


def test_each_task_has_its_column_and_says_nothing_of_the_others() -> None:
    known = np.flatnonzero(FINITE)[:60]
    names = [NAMES[i] for i in known]
    one, two = table(names, SPREAD[known]), table(names, -SPREAD[known])
    both = rank_elsewhere(NAMES, OUTPUTS, {"one": one, "two-b": two})
    assert both.columns.to_list() == ["name", "prior_one", "prior_two-b"]
    alone = rank_elsewhere(NAMES, OUTPUTS, {"two-b": two})
    pd.testing.assert_series_equal(both["prior_two-b"], alone["prior_two-b"])
    assert spearmanr(both["prior_one"], both["prior_two-b"]).statistic < -0.9


def test_the_unit_of_scores_does_not_matter_and_a_rerun_is_the_same() -> None:
    known = np.flatnonzero(FINITE)[:60]
    names = [NAMES[i] for i in known]
    one = rank_elsewhere(NAMES, OUTPUTS, {"t": table(names, SPREAD[known])})
    two = rank_elsewhere(NAMES, OUTPUTS, {"t": table(names, 1000 * SPREAD[known] - 7)})
    pd.testing.assert_frame_equal(one, two)


def test_a_table_of_one_function() -> None:
    other = table(["relu(tanh(x))"], np.array([0.7]))
    found = rank_elsewhere(["relu(tanh(x))"], np.zeros((1, 1000)), {"other": other})
    assert found["prior_other"].to_list() == [0.0]


def test_what_does_not_fit_is_refused() -> None:
    good = table(NAMES[:3], np.arange(3.0))
    with pytest.raises(ValueError, match="2 functions and 3 outputs do not fit"):
        rank_elsewhere(NAMES[:2], OUTPUTS[:3], {"other": good})
    with pytest.raises(ValueError, match="the table of other lacks the columns validation_score"):
        rank_elsewhere(NAMES, OUTPUTS, {"other": good[["name"]]})
    twice = pd.concat([good, good[:1]])
    with pytest.raises(ValueError, match=r"the table of other holds '.*' more than once"):
        rank_elsewhere(NAMES, OUTPUTS, {"other": twice})
    lost = [NAMES[i] for i in np.flatnonzero(~FINITE)[:3]]
    with pytest.raises(ValueError, match="no function in the table of other has finite outputs"):
        rank_elsewhere(NAMES, OUTPUTS, {"other": table(lost, np.arange(3.0))})


def config(**prior_from: list[str]) -> Config:
    values = copy.deepcopy(SMALL)
    tiny = values["tasks"]["tiny"]
    bare = {key: value for key, value in tiny.items() if key not in ("benchmark", "final")}
    values["tasks"] = {"one": tiny, "two": copy.deepcopy(tiny), "bare": bare}
    for name, others in prior_from.items():
        values["tasks"][name]["prior_from"] = others
    return parse_config(values)


def test_tasks_to_ask_are_others_with_a_table() -> None:
    assert config(one=["two"]).tasks["one"].prior_from == ("two",)
    both = config(one=["two"], two=["one"])
    assert both.tasks["two"].prior_from == ("one",)
    assert config().tasks["one"].prior_from == ()
    where = r"tasks\.one\.prior_from"
    with pytest.raises(ConfigError, match=f"{where}: 'one' is not another task with a benchmark"):
        config(one=["one"])
    with pytest.raises(ConfigError, match=f"{where}: 'bare' is not another task with a benchmark"):
        config(one=["bare"])
    with pytest.raises(ConfigError, match=rf"{where}.*'three'"):
        config(one=["three"])
    with pytest.raises(ConfigError, match=r"one\.prior_from.*'two'.*"):
        config(one=["two", "two"])


def test_ranks_depend_on_which_tasks_are_asked() -> None:
    settings = priors_settings(config(one=["two"]), "one")
    assert settings == {"tasks": {"one": {"prior_from": ["two"]}}}


def test_the_command_ranks_the_functions_of_a_space(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    load_commands()
    text = yaml.safe_dump(config(one=["two"]).model_dump(mode="json", exclude_none=True))
    Path("config.yaml").write_text(text)
    block = {"step": "test"}
    # The last one of the listing was not selected.
    listing = pd.DataFrame({"name": NAMES[:21], "position": [*range(20)[::-1], np.nan]})
    write_table("functions.parquet", listing, block)
    write_array("outputs.npy", OUTPUTS[:20][::-1], block)
    known = np.flatnonzero(FINITE)[::3]
    write_table("two.parquet", table([NAMES[i] for i in known], SPREAD[known]), block)
    words = "priors --task one --functions functions.parquet --outputs outputs.npy "
    done = CliRunner().invoke(app, (words + "--from two=two.parquet --out p.parquet").split())
    assert done.exception is None, done.exception
    found = read_table("p.parquet")
    assert found["name"].to_list() == NAMES[:20][::-1]
    expected = rank_elsewhere(
        NAMES[:20][::-1], OUTPUTS[:20][::-1], {"two": read_table("two.parquet")}
    )
    pd.testing.assert_frame_equal(found, expected)
    assert read_provenance("p.parquet")["settings"] == {"tasks": {"one": {"prior_from": ["two"]}}}
