"""The order of functions by their scores, and the ranks that they have on the page."""

from __future__ import annotations

from report_example import make_history, make_table

from actsearch.report.data import TaskData
from actsearch.report.ranking import best_first, measured, ranks_in_order

N = 60


def test_measured_takes_each_function_once_from_its_first_source() -> None:
    table = make_table(N, 1)
    history = make_history(make_table(N, 2), 2)
    functions = measured(TaskData("t", table=table.iloc[:30], histories={"s": history}))
    assert functions["name"].is_unique
    assert set(functions["name"]) == set(table["name"].iloc[:30]) | set(history["name"])
    known = table.set_index("name")["validation_score"]
    both = functions[functions["name"].isin(table["name"].iloc[:30])]
    assert (known[both["name"]].to_numpy() == both["validation_score"].to_numpy()).all()


def test_equal_scores_to_rounding_share_a_rank() -> None:
    table = make_table(N, 1).head(3).assign(status="completed")
    table["validation_score"] = [0.9730769230769231, 0.9730769230769232, 0.9]
    ordered = best_first(table)
    assert ordered["name"].tolist()[:2] == sorted(table["name"][:2])
    assert ranks_in_order(ordered) == [1, 1, 3]
