"""Where everything lies: the one place that knows the paths of an experiment.

Paths are those of the records, relative to the folder of the experiment. An argument may be a
wildcard of Snakemake's (``{task}``) in place of a name: it is put in as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

RESULTS = "results"
REPORT = f"{RESULTS}/report.html"
STRATEGIES = f"{RESULTS}/strategies.parquet"
"""How strategies compare on all tables."""
CRATE = f"{RESULTS}/ro-crate-metadata.json"
COPIES = f"{RESULTS}/workflow"
"""Folder of the crate's copies of the workflow's sources."""
AUDIT = f"{RESULTS}/audit.json"
SEARCH_SCOPE = "search/"
"""Where features of a task's search space stand; those of its benchmark space have no folder."""

# Below a task's folder, for counting what stands.
TRIALS = "trials/*.json"
SEARCH_TRIALS = "search/{strategy}/round-*/[0-9]*.json"
FINAL_TRIALS = "final/[0-9]*.json"
STAGE_TRIALS = "final/stage-{stage}/[0-9]*.json"
FIM_PARTS = "part-*.npz"

LONGEST_SLUG = 200
"""Characters of a slug that names a file: 255 bytes are allowed, and hidden names are longer."""

HIDDEN = Path(".snakemake")
"""Snakemake's hidden folder, in which what was found good is remembered too."""
SEEN_NETWORKS = HIDDEN / "networks"
SEEN_TABLES = HIDDEN / "act-bench"
SEEN_IMAGES = HIDDEN / "images"
"""Files whose times tell Snakemake whether the images of a folder have changed."""
SEEN_ARRAYS = HIDDEN / "arrays"
SEEN_FUNCTIONS = HIDDEN / "functions"
"""What was found by evaluating functions."""
SEEN_WORK = HIDDEN / "work"
"""What networks were found to cost."""
MERGED_CONFIGURATIONS = HIDDEN / "config"


def is_result(path: str) -> bool:
    """Whether ``path`` lies under results/."""
    return Path(path).parts[:1] == (RESULTS,)


_OF_A_TASK = ("benchmark.parquet", "final.json", "map.parquet", "trials", "search", "final")


def tasks_in(results: Path) -> list[str]:
    """Names of the tasks that have results in a folder ``results``, sorted."""
    if not results.is_dir():
        return []
    folders = (path for path in results.iterdir() if not path.name.startswith("."))
    return sorted(
        path.name for path in folders if any((path / part).exists() for part in _OF_A_TASK)
    )


def below(results: Path, target: str) -> Path:
    """Where a result lies whose path in the experiment is ``target``, for another ``results``."""
    return results / target.removeprefix(f"{RESULTS}/")


def matching(results: Path, pattern: str) -> list[Path]:
    """What there is of a target with ``*`` in place of a name, sorted; see `below`."""
    return sorted(results.glob(pattern.removeprefix(f"{RESULTS}/")))


def functions(space: str) -> str:
    """The functions of a space."""
    return f"{RESULTS}/spaces/{space}/functions.parquet"


def outputs(space: str) -> str:
    """Their outputs on the normal samples."""
    return f"{RESULTS}/spaces/{space}/outputs.npy"


def costs(space: str) -> str:
    """What they cost beside relu."""
    return f"{RESULTS}/spaces/{space}/costs.parquet"


def trials_folder(task: str) -> str:
    """The trials of a task's benchmark space, and of functions asked for by name."""
    return f"{RESULTS}/{task}/trials"


def trial(task: str, slug: str) -> str:
    """The trainings of one function on a task."""
    return f"{trials_folder(task)}/{slug}.json"


def table(task: str) -> str:
    """The task's benchmark table."""
    return f"{RESULTS}/{task}/benchmark.parquet"


def exported_table(task: str) -> str:
    """The same in the Act-Bench format."""
    return f"{RESULTS}/{task}/benchmark.json"


def imported_file(task: str) -> str:
    """All that an imported Act-Bench file says."""
    return f"{RESULTS}/{task}/act_bench.parquet"


def fim_part(task: str, scope: str, part: object) -> str:
    """Fisher spectra of a part of a space."""
    return f"{RESULTS}/{task}/{scope}fim/part-{part}.npz"


def published_features(task: str) -> str:
    """Fisher features taken from an imported file, in place of the parts."""
    return f"{RESULTS}/{task}/fim/published.npz"


def map_file(task: str, scope: str = "") -> str:
    """The map of both features."""
    return f"{RESULTS}/{task}/{scope}map.parquet"


def priors(task: str, scope: str = "") -> str:
    """How the functions of a task's map rank on other tasks."""
    return f"{RESULTS}/{task}/{scope}priors.parquet"


def surrogate(task: str) -> str:
    """Scores of the surrogates."""
    return f"{RESULTS}/{task}/surrogate.parquet"


def predictions(task: str) -> str:
    """Out-of-fold predictions behind those scores."""
    return f"{RESULTS}/{task}/surrogate_predictions.parquet"


def characterisation(task: str) -> str:
    """What features tell, by the number of functions known."""
    return f"{RESULTS}/{task}/characterisation.parquet"


def simulation(task: str, strategy: str) -> str:
    """Searches replayed on the table."""
    return f"{RESULTS}/{task}/simulation/{strategy}.parquet"


def screened_functions(task: str) -> str:
    """The functions that the screen of a task's search lists."""
    return f"{RESULTS}/{task}/{SEARCH_SCOPE}functions.parquet"


def screened_outputs(task: str) -> str:
    """Their outputs on the normal samples."""
    return f"{RESULTS}/{task}/{SEARCH_SCOPE}outputs.npy"


def screen(task: str) -> str:
    """What the screen went through, and how far it can be relied on."""
    return f"{RESULTS}/{task}/{SEARCH_SCOPE}screen.json"


def search_folder(task: str, strategy: str) -> str:
    """A live search."""
    return f"{RESULTS}/{task}/search/{strategy}"


def proposals(task: str, strategy: str, round: object) -> str:
    """What a round of a live search trains."""
    return f"{search_folder(task, strategy)}/round-{round}/proposals.csv"


def search_trials(task: str, strategy: str, round: object, slots: Iterable[int | str]) -> list[str]:
    """The trials of a round, a file a slot."""
    folder = f"{search_folder(task, strategy)}/round-{round}"
    return [f"{folder}/{_slot(slot)}.json" for slot in slots]


def history(task: str, strategy: str) -> str:
    """All trials of a live search as one table."""
    return f"{search_folder(task, strategy)}/history.parquet"


def candidates(task: str) -> str:
    """Who meets in the last comparison."""
    return f"{RESULTS}/{task}/final/candidates.csv"


def final_costs(task: str) -> str:
    """What they cost beside relu."""
    return f"{RESULTS}/{task}/final/costs.csv"


def final_trials(task: str, slots: Iterable[int | str]) -> list[str]:
    """The trials of the last comparison, a file a slot."""
    return [f"{RESULTS}/{task}/final/{_slot(slot)}.json" for slot in slots]


def stage_candidates(task: str, stage: object) -> str:
    """What a stage before the last comparison trains."""
    return f"{RESULTS}/{task}/final/stage-{stage}/candidates.csv"


def stage_trials(task: str, stage: object, slots: Iterable[int | str]) -> list[str]:
    """The trials of a stage, a file a slot."""
    return [f"{RESULTS}/{task}/final/stage-{stage}/{_slot(slot)}.json" for slot in slots]


def stage_ranking(task: str, stage: object) -> str:
    """What they scored."""
    return f"{RESULTS}/{task}/final/stage-{stage}/ranking.csv"


def _slot(slot: int | str) -> str:
    return slot if isinstance(slot, str) else f"{slot:02d}"


def final(task: str) -> str:
    """The last comparison."""
    return f"{RESULTS}/{task}/final.json"


def final_activation(task: str) -> str:
    """The chosen function as a PyTorch module."""
    return f"{RESULTS}/{task}/final_activation.py"


def act_bench_folder(data_folder: str) -> str:
    """Where public Act-Bench tables are fetched to."""
    return f"{data_folder}/act-bench"


def public_table(data_folder: str, name: str) -> str:
    """A public Act-Bench table."""
    return f"{act_bench_folder(data_folder)}/act-bench-{name}.json"


def public_checksum(data_folder: str, name: str) -> str:
    """The checksum of a public table, beside it."""
    return f"{act_bench_folder(data_folder)}/act-bench-{name}.sha256.json"
