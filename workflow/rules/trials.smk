"""Trials, one file a function, and the benchmark tables made of them.

Needs: the configuration, the functions of the benchmark space. Makes:
results/{task}/trials/{slug}.json for the whole space and for any function asked for by name,
results/{task}/benchmark.parquet, and benchmark.json in the public format. Tables that are imported
stand in act_bench.smk.

A pack's files are listed and marked update(): changing the pack size rebuilds nothing, and a missing
file reruns its own pack, which keeps what stands.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    benchmark_table,
    export_act_bench,


for task in TRAINED:
    for number, (used, files) in trial_packs(task):

        rule:
            name:
                rule_name("train", task, number)
            input:
                task_data(task),
            output:
                update(files),
            log:
                f"logs/{task}/trials/pack-{number}.log",
            conda:
                CONDA
            threads: training_threads(task)
            resources:
                **training_job(task),
            params:
                rule=rule_name("train", task),
                task=task,
                settings=settings("train", task),
                code=code("train", task),
                operators=used,
            message:
                f"{task}: training pack {number} ({len(files)} functions)"
            shell:
                "ACTSEARCH_RULE={params.rule} actsearch train --task {params.task} {output} 2>&1 | tee {log}"


for task in TASKS:

    rule:
        name:
            rule_name("train", task, "by_name")
        input:
            task_data(task),
        output:
            f"results/{task}/trials/{{slug}}.json",
        log:
            f"logs/{task}/trials/{{slug}}.log",
        conda:
            CONDA
        threads: training_threads(task)
        resources:
            **training_job(task),
        params:
            rule=rule_name("train", task, "by_name"),
            task=task,
            settings=settings("train", task),
            code=code("train", task),
            operators=lambda w: operators_of_slug(w.slug),
        message:
            f"{task}: training {{wildcards.slug}}"
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch train --task {params.task} {output} 2>&1 | tee {log}"


rule benchmark_table:
    input:
        functions=lambda w: f"results/spaces/{space_of(w.task, '')}/functions.parquet",
        trials=lambda w: trial_files(w.task),
    output:
        "results/{task}/benchmark.parquet",
    log:
        "logs/{task}/benchmark.log",
    wildcard_constraints:
        task=one_of(TRAINED),
    conda:
        CONDA
    params:
        rule="benchmark_table",
        code=code("benchmark"),
    message:
        "{wildcards.task}: gathering the benchmark table"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch benchmark --task {wildcards.task} "
        "--functions {input.functions} --trials results/{wildcards.task}/trials "
        "--out {output} 2>&1 | tee {log}"


rule export_act_bench:
    input:
        functions=lambda w: f"results/spaces/{space_of(w.task, '')}/functions.parquet",
        table="results/{task}/benchmark.parquet",
        trials=lambda w: trial_files(w.task),
        fim=lambda w: fim_parts(w.task, ""),
    output:
        "results/{task}/benchmark.json",
    log:
        "logs/{task}/export.log",
    wildcard_constraints:
        task=one_of(TRAINED),
    conda:
        CONDA
    params:
        rule="export_act_bench",
        settings=lambda w: settings("export", w.task),
        code=code("export"),
    message:
        "{wildcards.task}: writing the table in the Act-Bench format"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch export --task {wildcards.task} "
        "--functions {input.functions} --table {input.table} "
        "--trials results/{wildcards.task}/trials --out {output} {input.fim} 2>&1 | tee {log}"
