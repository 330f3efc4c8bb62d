"""The report's parts: numbers as written, curves, scales, and plots."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from actsearch.config import SCORES
from actsearch.report import formats
from actsearch.report.drawings import Scale, curve, curve_path, focus_floor, strip, strip_axis
from actsearch.report.figures import Figures
from actsearch.report.plot_style import focus, strategy_style
from actsearch.report.plots import upper_histogram
from actsearch.report.search_plots import live_search

ACCURACY, R2 = SCORES["accuracy"], SCORES["R2"]


def test_curve_passes_through_the_functions_values() -> None:
    path = curve_path("relu(x)")
    assert path is not None
    spots = [[float(v) for v in spot.split()] for spot in re.split("[ML]", path)[1:]]
    assert spots[0] == [0, 50]
    assert spots[-1] == [100, 0]
    assert all(y == pytest.approx(50 - max(x - 50, 0), abs=0.02) for x, y in spots)


def test_curve_breaks_at_poles_and_where_it_is_not_finite() -> None:
    pole = curve_path("mul(reciprocal(x),one(x))")
    assert pole is not None
    assert pole.count("M") == 2
    half = curve_path("pow(identity(x),sigmoid(x))")
    assert half is not None
    assert float(half[1:].split()[0]) >= 50
    assert curve_path("no function") is None
    assert "no curve" in curve("no function")


def test_scale_has_round_ticks_and_keeps_values_on_the_strip() -> None:
    scale = Scale.over([0.9612, 0.9871])
    assert scale.ticks == (0.97, 0.98)
    assert scale.place(0.5) == scale.place(scale.low)
    assert Scale.over([0.5, 0.5]).low < 0.5 < Scale.over([0.5, 0.5]).high
    assert Scale.over([]).ticks
    assert Scale.over([-9.0, 1.0], floor=-0.3).low == -0.3
    assert strip(scale, "far", centre=0.1).count("l-6 4") == 1


def test_labels_of_an_axis_do_not_touch() -> None:
    scale = Scale(80.0, 97.0, (80.0, 85.0, 90.0, 95.0))
    axis = strip_axis(scale, "{:.1f}%".format)
    assert axis.count("M") == 1 + 4
    assert re.findall(r">([\d.]+%)<", axis) == ["80.0%", "90.0%"]
    assert re.findall(r">(\d+)<", strip_axis(scale, "{:.0f}".format)) == ["80", "85", "90", "95"]


def test_focus_floor_leaves_out_the_few_and_keeps_the_many() -> None:
    assert focus_floor([0.1, *np.linspace(0.95, 0.99, 20)]) > 0.8
    assert focus_floor([0.95, 0.96, 0.97]) == 0.95
    assert focus_floor([]) == 0.0


def test_long_lists_are_stored_once() -> None:
    figures = Figures()
    names = [f"f{i}" for i in range(100)]
    for id_ in ("a", "b"):
        figures.add(id_, {"data": [{"text": list(names)}], "layout": {"height": 1}}, id_)
    compact = figures.compact()
    assert compact["shared"] == [names]
    assert compact["figures"]["b"]["data"][0]["text"] == {"$ref": 0}
    with pytest.raises(ValueError, match="'a'"):
        figures.add("a", {"data": [], "layout": {"height": 1}}, "a")


def test_strategies_keep_their_colour() -> None:
    assert strategy_style("union-knr") == strategy_style("union-knr")
    assert strategy_style("random")["color"] == "var(--quiet)"
    colours = {
        strategy_style(s)["color"] for s in ("union-knr", "union-rf", "outputs-knr", "random")
    }
    assert len(colours) == 4


def test_values_below_a_live_searchs_axis_are_marked() -> None:
    history = pd.DataFrame(
        {
            "round": [0, 0, 1, 1, 1, 1],
            "slot": [1, 2, 1, 2, 3, 4],
            "name": ["relu(x)", "elu(x)", "a", "b", "c", "d"],
            "status": "completed",
            "validation_score": [0.97, 0.96, 0.98, 0.975, 0.2, 0.97],
            "prediction": np.nan,
        }
    )
    spec = live_search(history, ACCURACY)
    [below] = [trace for trace in spec["data"] if trace["name"] == "proposed, below the axis"]
    assert below["x"] == [5]
    assert "20.00%" in below["text"][0]
    assert spec["layout"]["yaxis"]["range"][0] < below["y"][0] < 0.96


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (formats.percent(0.97812), "97.81%"),
        (formats.percent(None), "–"),
        (formats.percent(float("nan")), "–"),
        (formats.value(ACCURACY, 0.97812), "97.81%"),
        (formats.value(ACCURACY, None), "–"),
        (formats.difference(ACCURACY, 0.0031), "+0.31"),
        (formats.difference(ACCURACY, -0.0031), "−0.31"),
        (formats.difference(ACCURACY, -0.00001), "0.00"),
        (formats.difference(ACCURACY, float("nan")), "–"),
        (formats.size(ACCURACY, 0.0031), "0.31"),
        (formats.value(R2, -0.31234), "−0.3123"),
        (formats.value(R2, 0.97812, 1), "0.978"),
        (formats.difference(R2, -0.00312), "−0.0031"),
        (formats.difference(R2, -0.00001), "0.0000"),
        (formats.size(R2, None), "–"),
        (formats.decimal(-0.004), "0.00"),
        (formats.decimal(-0.3), "−0.30"),
        (formats.p_value(0.0004), "< 0.001"),
        (formats.p_value(0.031), "= 0.031"),
        (formats.count(12345), "12\u202f345"),
        (formats.plural(1, "function"), "1 function"),
        (
            formats.function_name("mul(<b>,erf(x))"),
            '<code class="fn">mul(&lt;b&gt;,<wbr>erf(x))</code>',
        ),
    ],
)
def test_formats(written: str, expected: str) -> None:
    assert written == expected


def test_baseline_below_the_upper_histogram_is_named_at_its_edge() -> None:
    table = pd.DataFrame(
        {
            "name": ["relu(x)", "sigmoid(x)", *(f"f{i}" for i in range(20))],
            "status": "completed",
            "validation_score": [0.97, 0.11, *np.linspace(0.95, 0.99, 20)],
        }
    )
    floor, top = focus(ACCURACY, table["validation_score"])
    assert 0.9 < floor < 0.95
    assert top == 0.99
    spec = upper_histogram(table, table.head(2), floor, ACCURACY)
    notes = {note["text"]: note["x"] for note in spec["layout"]["annotations"]}
    assert notes["◂ sigmoid 11.00%"] == spec["layout"]["xaxis"]["range"][0]
    assert notes["relu 97.00%"] == 0.97
    assert len(spec["layout"]["shapes"]) == 1


@pytest.mark.parametrize("n", [1, 15, 25, 80])
def test_bars_keep_their_height_below_any_number_of_baselines(n: int) -> None:
    table = pd.DataFrame(
        {
            "name": [f"f{i}" for i in range(n)],
            "status": "completed",
            "validation_score": np.linspace(0.9, 0.99, n),
        }
    )
    layout = upper_histogram(table, table, 0.85, ACCURACY)["layout"]
    low, high = layout["yaxis"]["domain"]
    assert low == 0 < high < 1
    assert high * (layout["height"] - 60) >= 199
    levels = [note["y"] for note in layout["annotations"]]
    assert min(levels) > high and max(levels) == 1
