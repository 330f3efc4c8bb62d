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


for task in PLAN.trained:
    for number, (used, files) in enumerate(PLAN.trial_packs(task)):

        rule:
            name:
                rule_name("train", task, number)
            input:
                PLAN.task_data(task),
            output:
                update(files),
            log:
                f"logs/{task}/trials/pack-{number}.log",
            conda:
                CONDA
            threads: training_threads(TASKS[task].resources)
            resources:
                **SITE.training_job(TASKS[task].resources),
            params:
                rule=rule_name("train", task),
                task=task,
                settings=PLAN.settings("train", task),
                data=PLAN.data_digest(task),
                code=PLAN.code("train", task),
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
            PLAN.task_data(task),
        output:
            layout.trial(task, "{slug}"),
        log:
            f"logs/{task}/trials/{{slug}}.log",
        conda:
            CONDA
        threads: training_threads(TASKS[task].resources)
        resources:
            **SITE.training_job(TASKS[task].resources),
        params:
            rule=rule_name("train", task, "by_name"),
            task=task,
            settings=PLAN.settings("train", task),
            data=PLAN.data_digest(task),
            code=PLAN.code("train", task),
            operators=lambda w: PLAN.operators_of_slug(w.slug),
        message:
            f"{task}: training {{wildcards.slug}}"
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch train --task {params.task} {output} 2>&1 | tee {log}"


rule benchmark_table:
    input:
        functions=lambda w: PLAN.functions(w.task),
        trials=lambda w: PLAN.trial_files(w.task),
    output:
        report(
            layout.table("{task}"),
            caption="../report/table.rst",
            category="Benchmark tables",
            subcategory="{task}",
            labels={"file": "table (Parquet)"},
        ),
    log:
        "logs/{task}/benchmark.log",
    wildcard_constraints:
        task=one_of(PLAN.trained),
    conda:
        CONDA
    params:
        rule="benchmark_table",
        trials=lambda w: layout.trials_folder(w.task),
        code=PLAN.code("benchmark"),
    message:
        "{wildcards.task}: gathering the benchmark table"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch benchmark --task {wildcards.task} "
        "--functions {input.functions} --trials {params.trials} "
        "--out {output} 2>&1 | tee {log}"


rule export_act_bench:
    input:
        functions=lambda w: PLAN.functions(w.task),
        table=layout.table("{task}"),
        trials=lambda w: PLAN.trial_files(w.task),
        fim=lambda w: PLAN.fim_parts(w.task, ""),
    output:
        report(
            layout.exported_table("{task}"),
            caption="../report/act_bench.rst",
            category="Benchmark tables",
            subcategory="{task}",
            labels={"file": "Act-Bench format (JSON)"},
        ),
    log:
        "logs/{task}/export.log",
    wildcard_constraints:
        task=one_of(PLAN.trained),
    conda:
        CONDA
    params:
        rule="export_act_bench",
        trials=lambda w: layout.trials_folder(w.task),
        settings=lambda w: PLAN.settings("export", w.task),
        code=PLAN.code("export"),
    message:
        "{wildcards.task}: writing the table in the Act-Bench format"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch export-act-bench --task {wildcards.task} "
        "--functions {input.functions} --table {input.table} "
        "--trials {params.trials} --out {output} {input.fim} 2>&1 | tee {log}"
