"""How far each task is: what it trains, and what of it exists."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from actsearch.config import Config
from actsearch.functions.baselines import baselines_of
from actsearch.functions.selection import known_size
from actsearch.plan import layout
from actsearch.plan.counts import Trainings, trainings
from actsearch.plan.kept_functions import KeptFunctions
from actsearch.plan.standing import Standing, Trial, only

_PURPOSES = tuple(
    (kind, re.compile(rf"{layout.RESULTS}/([^/]+)/{below}"))
    for kind, below in (
        ("table", r"trials/[^/]+\.json"),
        ("search", r"search/[^/]+/round-\d+/\d+\.json"),
        ("stage", r"final/stage-(\d+)/\d+\.json"),
        ("final", r"final/\d+\.json"),
        ("fim", r"(?:search/)?fim/part-\d+\.npz"),
    )
)

_PART = re.compile(r"part-(\d+)\.npz$")
STALE = (
    "stale: made with other settings, code or data than today's, so Snakemake makes them again; "
    "`actsearch why` says what changed"
)
"""What the word means, for people."""
WITHOUT_UNKNOWN = ", and more for what is shown as ? (not known yet)"
"""What is added to a sum of times that lacks some."""


@dataclass(frozen=True)
class Group:
    """Trainings of one kind for one task, and the trials that exist of them."""

    task: str
    asked: Trainings
    trials: list[Trial]

    @property
    def kind(self) -> str:
        """Its name: table, search, stage 0 and so on, or final."""
        asked = self.asked
        return asked.kind if asked.stage is None else f"{asked.kind} {asked.stage}"

    @property
    def done(self) -> int:
        """Functions whose trials exist and are not made again."""
        return min(sum(trial.is_current for trial in self.trials), self.asked.functions)

    @property
    def stale(self) -> int:
        """Functions whose trials exist and are made again."""
        left = self.asked.functions - self.done
        return min(sum(not trial.is_current for trial in self.trials), left)


@dataclass(frozen=True)
class Parts:
    """The parts with the Fisher spectra of one space for one task."""

    task: str
    place: str
    """Nothing, or the scope of the search: where they lie below the task's folder."""
    functions: int
    per_job: int
    """Functions of a part; the last one may have fewer."""
    current: list[Path] = field(default_factory=list)
    outdated: list[Path] = field(default_factory=list)
    """Those that exist and are made again."""

    @property
    def done(self) -> int:
        """Functions whose parts exist and are not made again."""
        return self.in_parts(self.current)

    @property
    def stale(self) -> int:
        """Functions whose parts exist and are made again."""
        return self.in_parts(self.outdated)

    def in_parts(self, paths: Iterable[Path]) -> int:
        """Number of functions in some of the parts, by the numbers in their names."""
        return sum(map(self._size, paths))

    def _size(self, path: Path) -> int:
        number = _PART.search(path.name)
        before = int(number[1]) * self.per_job if number else self.functions
        return min(max(self.functions - before, 0), self.per_job)


def groups(config: Config, name: str, standing: Standing) -> Iterator[Group]:
    """What a task trains, with its trials.

    Args:
        config: the configuration, with the user's operators registered.
        name: of the task.
        standing: the files of the experiment.

    Yields:
        Its trainings by purpose; a search's trials are those of the strategies asked for.
    """
    task = config.task(name)
    size, slugs = selected(config, task.benchmark.space) if task.benchmark else (0, None)
    split = config.data[task.data].split
    counted = (split.train, split.validation, split.test)
    for asked in trainings(task, len(baselines_of(config)), size, *counted):
        patterns: Iterable[str] = [layout.FINAL_TRIALS]
        if asked.kind == "table":
            patterns = [layout.TRIALS]
        elif asked.kind == "stage":
            patterns = [layout.STAGE_TRIALS.format(stage=asked.stage)]
        elif asked.kind == "search":
            strategies = task.search.strategies if task.search else ()
            patterns = [layout.SEARCH_TRIALS.format(strategy=each) for each in strategies]
        trials = [trial for pattern in patterns for trial in standing.trials(name, pattern)]
        yield Group(name, asked, only(trials, slugs if asked.kind == "table" else None))


def parts(config: Config, name: str, standing: Standing, results: Path) -> Iterator[Parts]:
    """The spectra that a task needs, of its table's space and of its search's."""
    task = config.task(name)
    spaces: dict[str, int] = {}
    if task.benchmark and not task.benchmark.published_features:
        spaces[""] = selected(config, task.benchmark.space)[0]
    if task.search:
        screen = task.search.screen
        chosen = screen.functions if screen else selected(config, task.search.space)[0]
        spaces[layout.SEARCH_SCOPE] = chosen
    for place, size in spaces.items():
        found = Parts(name, place, size, task.fisher.functions_per_job)
        for path in sorted((results / name / place / "fim").glob(layout.FIM_PARTS)):
            (found.current if standing.is_current(path) else found.outdated).append(path)
        yield found


def selected(config: Config, name: str) -> tuple[int, frozenset[str] | None]:
    """Number of functions that a space selects, and their slugs where it is listed anyway."""
    space, baselines = config.space(name), baselines_of(config)
    size = known_size(name, space, baselines)
    if size is not None:
        return size, None
    slugs = frozenset(KeptFunctions(config.operators).slugs(space, baselines))
    return len(slugs), slugs


def purpose(place: str) -> tuple[str, str] | None:
    """Task and kind of a trial or of a part with spectra, by its path; see :attr:`Group.kind`.

    Returns:
        None for any other file.
    """
    for kind, pattern in _PURPOSES:
        if found := pattern.fullmatch(place):
            return found[1], f"{kind} {found[2]}" if kind == "stage" else kind
    return None


def median_seconds(trials: Iterable[Trial]) -> tuple[float | None, bool]:
    """Median seconds of a training, and whether trials of today's settings and code say it.

    Returns:
        Those of other trials where there are none; None without any.
    """
    listed = [trial for trial in trials if trial.seconds is not None]
    current = [trial.seconds for trial in listed if trial.is_current and trial.seconds]
    if current:
        return statistics.median(current), True
    others = [trial.seconds for trial in listed if trial.seconds]
    return (statistics.median(others) if others else None), False
