"""Data sets that are fetched once: on a cluster on the login node, `snakemake --cores 1 fetch_data`.

Needs: the internet, for data sets of torchvision that are not there yet. Makes: the manifest of each
data set that a task uses, under the configuration's data_folder. That of a function of the user's is a
job like any other, which calls it twice. act_bench.smk makes the public tables there.
"""


# On a cluster they run where Snakemake runs: compute nodes have no internet.
localrules:
    fetch_data,


rule fetch_data:
    input:
        list(PLAN.manifests),
        # Public tables that are imported, with their checksums.
        PLAN.public_tables(),


for manifest, entries in PLAN.manifests.items():
    place = Path(manifest).parent.name

    # A manifest stands for data, not for the code that wrote it, and a new one would rebuild all:
    # so there is no digest of code here, and an old manifest is kept to be compared with.
    rule:
        name:
            rule_name("fetch", place)
        input:
            # Newer than the manifest while the images of a folder are others.
            PLAN.image_markers(manifest),
        output:
            update(manifest),
        log:
            f"logs/data/{place}.log",
        # What a function of the user's takes is a job's business, and it needs no internet.
        localrule: not PLAN.calls_function(entries[0])
        conda:
            CONDA
        resources:
            **SITE.cpu_job(PLAN.memory_of(*entries), PLAN.fetch_minutes(*entries)),
        params:
            rule=rule_name("fetch", place),
        message:
            f"fetching {PLAN.config.data[entries[0]].source}"
        # Which entries of the configuration share the source is no matter of the data.
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch fetch --out {output} 2>&1 | tee {log}"
