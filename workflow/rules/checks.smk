"""Data that no rule can bring, or that cannot be used, and networks that cannot be trained on them.

Needs: the configuration, Snakemake's own options. Makes: no file of results. All of it is found
before any job, of what the wanted files are made from.
"""

from actsearch.cli.network_checks import check_networks


def named_tasks(target):
    """Names of the tasks that a target is made for: a file under results/, or a rule."""
    parts = Path(target).parts
    if parts[:1] == ("results",) and len(parts) > 2:
        return {parts[1]} & set(TASKS)
    if len(parts) > 1 and parts[0] != "results":
        return set()  # data, logs
    _, _, of = target.partition("__")
    named = {
        task
        for task in TASKS
        if of == rule_name(task) or of.startswith(f"{rule_name(task)}__")
    }
    return named or (set() if target.startswith("fetch_") else set(TASKS))


def named_data(target):
    """Names of the data sets that a target is the manifest of, or the rule that fetches them."""
    for manifest, names in manifests().items():
        fetches = rule_name("fetch", Path(manifest).parent.name)
        if target in (os.path.normpath(manifest), fetches):
            return set(names)
    return set()


def wanted():
    """Names of the tasks, and of the data sets, that the wanted files are made from."""
    targets = [os.path.normpath(target) for target in OPTIONS.targets or ["all"]]
    tasks = set().union(*map(named_tasks, targets))
    for task in [task for task in tasks if TASKS[task].final]:
        tasks |= set(TASKS[task].final.candidates_from)
    data = set().union(*map(named_data, targets))
    return sorted(tasks), sorted(data | {TASKS[task].data for task in tasks})


def check_data(names, refused):
    """Refuse data that cannot be used and, where ``refused``, data that no rule can bring."""
    for name in names:
        try:
            checked(check_source, CONFIG.data[name], CONFIG.data_folder)
        except WorkflowError as error:
            missing = isinstance(error.__context__, MissingDataError)
            if refused or not missing:
                raise WorkflowError(f"data.{name}: {error}") from None
            logger.warning(f"data.{name}: {error}")


def check_all():
    """Data whenever somebody looks, networks where a run starts: these take seconds, once."""
    tasks, data = wanted()
    makes_files = not asked([*LOOKS, *PLANS, "touch"])
    check_data(data, refused=makes_files)
    if makes_files:
        told = {"ACTSEARCH_CONFIG": write_config()}
        checked(check_networks, CONFIG, tasks, told, Path(".snakemake/networks"))


if OPTIONS is not None:  # a job finds the same itself
    check_all()
