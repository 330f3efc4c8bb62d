"""What a report is made of: the data of each task, and of the whole experiment."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from actsearch.config import SCORES, Score, one_score
from actsearch.features.passed_over import FisherLayers
from actsearch.functions.baselines import BASELINES
from actsearch.report.origins import Origin


@dataclass(frozen=True)
class TaskData:
    """What is known about one task. A part that is None was not part of the experiment.

    Attributes:
        name: The task's name.
        description: Data, model and recipe: a label and its value each.
        table: Benchmark table, as `actsearch.benchmark.table.build_table` returns it.
        costs: What the functions of the table cost, as the step ``costs`` writes it.
        layers: The layers behind the Fisher spectra, as `fisher_layers` finds them; None where the
            features are published.
        map: Embedding, as `actsearch.features.embedding.embed` returns it.
        surrogate: Scores, as `actsearch.search.surrogates.score` returns them.
        predictions: Out-of-fold predictions behind those scores.
        characterisation: What features tell by the number of functions known, as
            `actsearch.search.characterisation.characterise` returns it.
        simulations: Replayed searches by strategy, as `actsearch.search.simulation.simulate`
            returns them.
        histories: Live searches by strategy, as `actsearch.search.rounds.build_history` returns
            them.
        screen: What the screen of the search saw, as `actsearch.search.screened.summarise` returns
            it.
        screened: The functions that it listed, as `actsearch.search.screened.list_screened` returns
            them.
        final: The last comparison, as `actsearch.search.final.compare` returns it.
        activation: Source of the chosen function as a module.
        reliability: Agreement between seeds, as `actsearch.benchmark.table.seed_reliability`
            returns it.
        imported: Where the table was imported from, in words; None when it was trained here.
        space: What the table's space is called.
        functions: The functions of that space and their classes, as
            `actsearch.functions.classes` writes them: columns name, representative.
        trial_link: From the page's folder to the trial of a function, with ``{slug}`` for its slug;
            None where the table was not trained here.
        final_link: The same of the last comparison, with ``{slot:02d}``.
        search_links: By strategy, from the page's folder to a trial of a live search, with
            ``{round}`` and ``{slot:02d}``.
    """

    name: str
    description: Mapping[str, str] = field(default_factory=dict)
    table: pd.DataFrame | None = None
    costs: pd.DataFrame | None = None
    layers: FisherLayers | None = None
    map: pd.DataFrame | None = None
    surrogate: pd.DataFrame | None = None
    predictions: pd.DataFrame | None = None
    characterisation: pd.DataFrame | None = None
    simulations: Mapping[str, pd.DataFrame] | None = None
    histories: Mapping[str, pd.DataFrame] | None = None
    screen: Mapping[str, Any] | None = None
    screened: pd.DataFrame | None = None
    final: Mapping[str, Any] | None = None
    activation: str | None = None
    reliability: Mapping[str, Any] | None = None
    imported: str | None = None
    space: str | None = None
    functions: pd.DataFrame | None = None
    trial_link: str | None = None
    final_link: str | None = None
    search_links: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse parts that were scored otherwise: ValueError with both."""
        assert self.score

    @functools.cached_property
    def score(self) -> Score:
        """What its functions are compared by: as all parts say, or accuracy where nothing is shown.

        Raises:
            ValueError: with two parts that were scored otherwise.
        """
        named: list[tuple[str, object]] = []
        if self.table is not None:
            named += zip("table: " + self.table["name"], self.table["score"], strict=True)
        for strategy, history in (self.histories or {}).items():
            named += zip(f"{strategy}: " + history["name"], history["score"], strict=True)
        if self.final:
            named.append(("the last comparison", self.final["score"]))
        return one_score(named, f"{self.name}: parts") if named else SCORES["accuracy"]


@dataclass(frozen=True)
class ReportData:
    """A whole experiment.

    Attributes:
        title: Heading of the page.
        tasks: One entry a task, in the order shown.
        command: The command that makes the page and everything it shows.
        paths: What lies where: a label and its path each.
        baselines: Names of the functions that searches start from.
        strategies: How strategies compare, as `actsearch.search.judging.judge` returns it.
        origins: The files behind the page.
    """

    title: str
    tasks: tuple[TaskData, ...]
    command: str
    paths: Mapping[str, str] = field(default_factory=dict)
    baselines: tuple[str, ...] = BASELINES
    strategies: pd.DataFrame | None = None
    origins: tuple[Origin, ...] = ()
