"""What the configuration or the command line asks for and cannot have, found before any job.

Needs: the checked configuration. Makes: no file.
"""

from actsearch.cli.steps import OUTPUTS_VARIABLE
from actsearch.benchmark.act_bench.check import check_file

# What rules make is asked of results without their data too.
IS_ASKED = OUTPUTS_VARIABLE in os.environ


def refuse_unless(holds, message):
    if not holds:
        raise WorkflowError(message)


def check_space(where, space):
    """Size of a space that a task uses, which must have the baselines that searches start from."""
    size = space_size(space)
    included = {
        f.name for f in checked(SearchSpace.from_config, CONFIG.space(space)).include
    }
    refuse_unless(
        set(BASELINES) <= included,
        f"{where}: space {space!r} lacks baselines; give it include: [baselines]",
    )
    return size


def check_import(name):
    """Refuse an Act-Bench file that is missing or bad, or lacks functions of the task's space."""
    if IS_ASKED:
        return
    given = TASKS[name].benchmark.act_bench
    path = act_bench_file(CONFIG, name)
    refuse_unless(
        path.is_file() or given in ACT_BENCH_RUNS,
        f"tasks.{name}.benchmark.act_bench: no file {given}; allowed: "
        f"{', '.join(ACT_BENCH_RUNS)}, or the path of a file in the Act-Bench format",
    )
    if workflow.is_main_process:
        checked(
            check_file,
            path,
            slugs(TASKS[name].benchmark.space),
            published=TASKS[name].benchmark.published_features,
            memory=Path(".snakemake/act-bench"),
        )


def check_sizes():
    """Refuse, by name, whatever asks for more than there is."""
    found = dict.fromkeys(TASKS, 0)
    for name, task in TASKS.items():
        if name in IMPORTED:
            check_import(name)
        for key, section in (("benchmark", task.benchmark), ("search", task.search)):
            if section is None:
                continue
            where = f"tasks.{name}.{key}"
            size = check_space(where, section.space)
            asked = {
                f"tasks.{name}.map.outputs_neighbors": task.map.outputs_neighbors + 1
            }
            if key == "search":
                asked[where] = N_BASELINES + section.rounds * section.slots
            else:
                asked["simulation.evaluations"] = CONFIG.simulation.evaluations
                asked["surrogate.folds"] = CONFIG.surrogate.folds
            for what, wanted in asked.items():
                refuse_unless(
                    wanted <= size,
                    f"{what} asks for {wanted} functions, "
                    f"but space {section.space!r} holds {size}",
                )
            found[name] += (asked[where] if key == "search" else size) - N_BASELINES
        for path in task_data(name):
            refuse_unless(
                path in manifests() or Path(path).is_file() or IS_ASKED,
                f"data.{task.data}: no file {path}",
            )
    check_finalists(found)


def check_finalists(found):
    """Refuse a last comparison that asks a task for more functions than it trains, ``found``."""
    for name in COMPARED:
        final = TASKS[name].final
        for source in final.candidates_from:
            # It may share with the other tasks all that they give.
            wanted = final.functions * len(final.candidates_from)
            refuse_unless(
                wanted <= found[source],
                f"tasks.{name}.final.candidates_from: {final.functions} functions of each of "
                f"{len(final.candidates_from)} tasks, none of them twice, need {wanted} trained on "
                f"{source!r} besides the baselines, but only {found[source]} are",
            )
        refuse_unless(
            final.candidates_from or final.functions <= found[name],
            f"tasks.{name}.final asks for {final.functions} functions besides the "
            f"baselines, but only {found[name]} are trained",
        )


# What a task's folder holds, by the section of the configuration that asks for it.
NEEDED = {
    "benchmark": ("benchmark.", "map.", "fim", "surrogate", "simulation"),
    "search": ("search",),
    "final": ("final",),
}


def check_targets():
    """Refuse a file under results/ that no rule can make, with the reason."""
    # Snakemake's own settings do not hold the targets yet while the Snakefile is parsed.
    for target in map(os.path.normpath, sys.argv[1:]):
        parts = target.split("/")
        if parts[0] != "results" or len(parts) < 3 or parts[1] == "spaces":
            continue
        refuse_unless(
            parts[1] in TASKS,
            f"{target}: no task {parts[1]!r}; tasks: {', '.join(TASKS)}",
        )
        for section, starts in NEEDED.items():
            refuse_unless(
                not parts[2].startswith(starts) or getattr(TASKS[parts[1]], section),
                f"{target}: task {parts[1]!r} has no section {section!r}",
            )
        if len(parts) == 4 and parts[2] == "trials" and target.endswith(".json"):
            checked(Expression.from_slug, parts[3].removesuffix(".json"))


check_sizes()
check_targets()
