"""The checked configuration, and the paths that follow from it.

Needs: the merged configuration. Makes: CONFIG and the helpers that the other rule
files use.
"""

import functools
import os
import re
import shlex
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

from actsearch.cli.steps import (
    SNAKEFILE_VARIABLE,
    act_bench_file,
    data_file,
    operator_digests,
    register_operators,
    space_operators,
    step_code,
    step_settings,
    task_spaces,
)
from actsearch.config import ACT_BENCH_RUNS, N_BASELINES, STRATEGIES, parse_config
from actsearch.functions.expressions import Expression
from actsearch.functions.operators import BASELINES
from actsearch.functions.selection import known_size, select
from actsearch.functions.spaces import SearchSpace
from actsearch.records.digests import settings_digest
from actsearch.data.sources.manifests import check_source
from actsearch.data.sources.places import MissingDataError, place_of


# One clear message in place of a stack trace, for the errors that the package defines.
def checked(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except ValueError as error:
        if type(error).__module__.startswith("actsearch"):
            raise WorkflowError(str(error)) from None
        raise


def plain(value):
    """Snakemake's ordered dictionaries as plain ones."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


CONFIG = checked(parse_config, plain(config))
checked(register_operators, CONFIG)
TASKS = CONFIG.tasks
BENCHMARKED = [name for name, task in TASKS.items() if task.benchmark]
IMPORTED = [name for name in BENCHMARKED if act_bench_file(CONFIG, name)]
TRAINED = [name for name in BENCHMARKED if name not in IMPORTED]
SEARCHED = [name for name, task in TASKS.items() if task.search]
COMPARED = [name for name, task in TASKS.items() if task.final]


def one_of(names):
    """A pattern that matches these names, or nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    task=one_of(TASKS),
    space=one_of(CONFIG.spaces),
    # Features are made for a task's benchmark space, and for its search space under search/.
    scope="(search/)?",
    slug=r"[a-z0-9_.]+",
    strategy=one_of(STRATEGIES),
    part=r"0|[1-9]\d*",
    round=r"0|[1-9]\d*",


def write_config():
    """The file that commands read: the given one, or all that was merged, named by its digest."""
    files = workflow.configfiles
    if len(files) == 1 and yaml.safe_load(Path(files[0]).read_text()) == plain(config):
        return os.path.relpath(files[0])
    merged = Path(f".snakemake/config/{settings_digest(plain(config))[-16:]}.yaml")
    if not merged.exists():
        merged.parent.mkdir(parents=True, exist_ok=True)
        beside = merged.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(yaml.safe_dump(plain(config), sort_keys=False))
        beside.replace(merged)
    return str(merged)


# Commands are those of the Python that computes the digests here. They find the configuration and
# the workflow by the environment, so that these paths are no parameters of any rule.
SNAKEFILE = os.path.relpath(workflow.main_snakefile)
shell.prefix(
    "set -euo pipefail; "
    f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH "
    f"ACTSEARCH_CONFIG={shlex.quote(write_config())} "
    f"{SNAKEFILE_VARIABLE}={shlex.quote(SNAKEFILE)}; "
)
CONDA = "../../envs/environment.yaml"


def settings(step, task=None, **wildcards):
    """Digest of the part of the configuration that a step depends on."""
    return settings_digest(checked(step_settings, step, CONFIG, task, **wildcards))


def code(step, task=None):
    """Digest of the code that a step can execute."""
    return checked(step_code, step, CONFIG, task)


def operators(names):
    """Digest of the user's modules that define the operators called ``names``."""
    return settings_digest(checked(operator_digests, names))


@functools.cache
def operators_of_spaces(*spaces):
    """The same for all functions of spaces, where a rule cannot know which of them it evaluates."""
    return operators(checked(space_operators, CONFIG, *spaces))


def operators_of_slug(slug):
    """The same for one function."""
    return operators(checked(Expression.from_slug, slug).operators)


def space_of(task, scope):
    """Name of the space behind a task's features."""
    section = TASKS[task].search if scope else TASKS[task].benchmark
    return section.space


SELECTED = {}


def slugs(space):
    """Slugs of the functions of a space that is small enough to stand in the graph."""
    if space not in SELECTED:
        SELECTED[space] = [
            function.slug for function in checked(select, CONFIG.space(space))
        ]
    return SELECTED[space]


def space_size(space):
    """Number of functions that a space selects."""
    size = checked(known_size, space, CONFIG.space(space))
    return len(slugs(space)) if size is None else size


def packs(items, size):
    """``items`` in lists of at most ``size``, each with its number."""
    items = list(items)
    return list(
        enumerate(items[start : start + size] for start in range(0, len(items), size))
    )


def trial_packs(task):
    """Trials of a task in packs whose functions use the same modules of operators.

    So what a trial depends on is no matter of who shares its pack: each comes with the digest.
    """
    groups = {}
    for slug in slugs(space_of(task, "")):
        digest = operators_of_slug(slug) if CONFIG.operators else operators(())
        groups.setdefault(digest, []).append(f"results/{task}/trials/{slug}.json")
    size = TASKS[task].functions_per_job
    parts = [
        (digest, files)
        for digest, group in groups.items()
        for _, files in packs(group, size)
    ]
    return list(enumerate(parts))


def rule_name(*parts):
    """A rule's name: the parts, one of which is a task, whose own name may hold dashes."""
    return "__".join(str(part) for part in parts).replace("-", "_")


def task_data(task):
    """What stands for a task's data as a list, empty for data that come with a package."""
    path = data_file(CONFIG, task)
    return [str(path)] if path is not None else []


@functools.cache
def manifests():
    """Names of the data sets that are fetched, by the manifest that those of one source share."""
    found = {}
    for name in sorted({task.data for task in TASKS.values()}):
        if place := place_of(CONFIG.data[name], CONFIG.data_folder):
            found.setdefault(str(place.manifest), []).append(name)
    return found


def site(name):
    """What the profile says of the cluster among its default resources, or None."""
    defaults = workflow.resource_settings.default_resources or {}
    return str(defaults[name].raw).strip("'\"") if name in defaults else None


def any_job(mem_mb, runtime):
    """MB on a node, more at every attempt, and minutes: what ran out of time is gone on with."""
    return {"mem_mb": lambda wildcards, attempt: mem_mb * attempt, "runtime": runtime}


def cpu_job(mem_mb, runtime):
    """What a job without a GPU asks for."""
    asked = any_job(mem_mb, runtime)
    if site("cpu_partition"):
        asked["slurm_partition"] = site("cpu_partition")
    if site("gpu_model"):
        asked["gpu_model"] = ""  # the executor takes the default for a wish
    return asked


def gpu_job(gpu, mem_mb, runtime, nodes=1):
    """What a job on ``gpu`` GPUs asks for, or one on the CPU where there are none."""
    if not gpu:
        asked = cpu_job(mem_mb, runtime)
        return asked | ({"nodes": nodes, "tasks": nodes} if nodes > 1 else {})
    asked = any_job(mem_mb, runtime)
    if nodes == 1:
        # Several GPUs without a number of nodes may come from several.
        return asked | {"gpu": gpu} | ({"nodes": 1} if gpu > 1 else {})
    # A number of GPUs for the whole job may fall unevenly on its nodes; gres counts on each.
    model = f"{site('gpu_model')}:" if site("gpu_model") else ""
    return asked | {
        "nodes": nodes,
        "gres": f"gpu:{model}{gpu // nodes}",
        "gpu_model": "",
    }


def training_job(task):
    """What a training job of a task asks for."""
    wanted = TASKS[task].resources
    return gpu_job(wanted.gpu, wanted.mem_mb, wanted.runtime, wanted.nodes)


def training_threads(task):
    """CPU cores of a training job on each of its nodes."""
    wanted = TASKS[task].resources
    return wanted.threads * wanted.processes // wanted.nodes


def trial_files(task):
    return [f"results/{task}/trials/{slug}.json" for slug in slugs(space_of(task, ""))]


def takes_published(task, scope):
    """Whether features are those of an imported file: of the benchmark space alone."""
    return not scope and bool(TASKS[task].benchmark.published_features)


def fim_parts(task, scope):
    if takes_published(task, scope):
        return [f"results/{task}/fim/published.npz"]
    size = space_size(space_of(task, scope))
    parts = range(-(-size // TASKS[task].fisher.functions_per_job))
    return [f"results/{task}/{scope}fim/part-{part}.npz" for part in parts]


def slots(task, round):
    """Slot numbers of a round of live search; round 0 is the baselines."""
    return range(N_BASELINES if int(round) == 0 else TASKS[task].search.slots)


def round_files(task, strategy, rounds):
    """Proposals and trials of rounds of a live search, in order."""
    folder = f"results/{task}/search/{strategy}"
    proposals = [f"{folder}/round-{round}/proposals.csv" for round in rounds]
    trials = [
        f"{folder}/round-{round}/{slot:02d}.json"
        for round in rounds
        for slot in slots(task, round)
    ]
    return {"proposals": proposals, "trials": trials}


def all_rounds(task):
    return range(TASKS[task].search.rounds + 1)


def histories(task):
    strategies = TASKS[task].search.strategies if TASKS[task].search else ()
    return [
        f"results/{task}/search/{strategy}/history.parquet" for strategy in strategies
    ]


def tables(task):
    return [f"results/{task}/benchmark.parquet"] if TASKS[task].benchmark else []


def final_sources(task):
    """Files that finalists are chosen from, each after the option that takes it."""
    others = TASKS[task].final.candidates_from
    if others:
        return [
            (f"--from {other}=", path)
            for other in others
            for path in tables(other) + histories(other)
        ]
    own = [("--table ", path) for path in tables(task)]
    return own + [("", path) for path in histories(task)]


def final_slots(task):
    final = TASKS[task].final
    return range(N_BASELINES + final.functions * max(1, len(final.candidates_from)))


def activation_files():
    return [f"results/{task}/final_activation.py" for task in COMPARED]


def act_bench_files():
    # An imported table is there in the format already.
    return [f"results/{task}/benchmark.json" for task in TRAINED]


def report_files():
    """Files of the report by the option that takes them; keys name the task and the strategy."""
    files = {}
    for task in BENCHMARKED:
        files["table", task] = f"results/{task}/benchmark.parquet"
        files["map", task] = f"results/{task}/map.parquet"
        files["surrogate", task] = f"results/{task}/surrogate.parquet"
        files["predictions", task] = f"results/{task}/surrogate_predictions.parquet"
        for strategy in CONFIG.simulation.strategies:
            files["simulation", f"{task}/{strategy}"] = (
                f"results/{task}/simulation/{strategy}.parquet"
            )
    for task in SEARCHED:
        for strategy, path in zip(TASKS[task].search.strategies, histories(task)):
            files["history", f"{task}/{strategy}"] = path
    for task in COMPARED:
        files["final", task] = f"results/{task}/final.json"
        files["activation", task] = f"results/{task}/final_activation.py"
    return files


def report_options():
    return " ".join(
        f"--{option} {key}={path}" for (option, key), path in report_files().items()
    )


def public_tables():
    """The files of the public Act-Bench that tables are imported from."""
    files = {
        str(act_bench_file(CONFIG, name))
        for name in IMPORTED
        if TASKS[name].benchmark.act_bench in ACT_BENCH_RUNS
    }
    return sorted(
        path
        for file in files
        for path in (file, str(Path(file).with_suffix(".sha256.json")))
    )
