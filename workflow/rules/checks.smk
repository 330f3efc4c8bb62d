"""Data that no rule can bring, or that cannot be used, found before any job.

Needs: the configuration, Snakemake's own options. Makes: no file.
"""


def asked_data():
    """Names of the data sets that the wanted files are made from."""
    wanted = set()
    for target in OPTIONS.targets or ["all"]:
        parts = Path(os.path.normpath(target)).parts
        if parts[0] == "results" and len(parts) > 2:
            wanted |= {parts[1]} & set(TASKS)
        elif target != "fetch_data":  # it brings what it can
            wanted |= set(TASKS)
    for task in [task for task in wanted if TASKS[task].final]:
        wanted |= set(TASKS[task].final.candidates_from)
    return sorted({TASKS[task].data for task in wanted})


def check_data():
    """Refuse data that no rule can bring, or that cannot be used; what makes no file only warns of the first."""
    only_looks = asked([*LOOKS, *PLANS, "touch"])
    for name in asked_data():
        try:
            checked(check_source, CONFIG.data[name], CONFIG.data_folder)
        except WorkflowError as error:
            missing = isinstance(error.__context__, MissingDataError)
            if not (missing and only_looks):
                raise WorkflowError(f"data.{name}: {error}") from None
            logger.warning(f"data.{name}: {error}")


if OPTIONS is not None:  # a job finds the same itself
    check_data()
