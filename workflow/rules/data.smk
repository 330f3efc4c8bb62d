"""Data sets that are fetched once: on a cluster on the login node, `snakemake --cores 1 fetch_data`.

Needs: the internet, for data sets of torchvision that are not there yet. Makes: the manifest of each
data set that a task uses, under the configuration's data_folder.
"""


# On a cluster they run where Snakemake runs: compute nodes have no internet.
localrules:
    fetch_data,


rule fetch_data:
    input:
        list(manifests()),


for manifest, data in manifests().items():
    place = Path(manifest).parent.name

    # A manifest stands for data, not for the code that wrote it, and a new one would rebuild all:
    # so there is no digest of code here, and an old manifest is kept to be compared with.
    rule:
        name:
            rule_name("fetch", place)
        output:
            update(manifest),
        log:
            f"logs/data/{place}.log",
        localrule: True
        conda:
            CONDA
        params:
            rule=rule_name("fetch", place),
            data=data,
        message:
            f"fetching {CONFIG.data[data].source}"
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch fetch --data {params.data} --out {output} 2>&1 | tee {log}"


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
    """Refuse data that no rule can bring, or that cannot be used; a look only warns of the first."""
    only_looks = any(getattr(OPTIONS, look, None) for look in LOOKS)
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
