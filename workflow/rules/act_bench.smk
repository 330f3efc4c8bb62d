"""Benchmark tables that are imported: the public Act-Bench files, or others in their format.

Needs: the functions of the benchmark space; the internet, once, where the workflow runs. Makes:
{data_folder}/act-bench/act-bench-{table}.json with its checksum beside it, results/{task}/
act_bench.parquet (all that the file says), benchmark.parquet, fim/published.npz, and on request
benchmark.json (the file again).
"""

ACT_BENCH_FOLDER = f"{CONFIG.data_folder}/act-bench"


# A cluster's nodes may have no way to the internet; looking up takes seconds.
localrules:
    fetch_act_bench,
    imported_table,


rule fetch_act_bench:
    output:
        # What stands is compared with its checksum by the command, so it must not be removed.
        file=update(f"{ACT_BENCH_FOLDER}/act-bench-{{table}}.json"),
        checksum=update(f"{ACT_BENCH_FOLDER}/act-bench-{{table}}.sha256.json"),
    log:
        "logs/act-bench/{table}.log",
    wildcard_constraints:
        table=one_of(ACT_BENCH_RUNS),
    conda:
        CONDA
    params:
        rule="fetch_act_bench",
    message:
        "fetching the public Act-Bench table {wildcards.table}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch fetch-act-bench {wildcards.table} --out {output.file} 2>&1 | tee {log}"


rule import_act_bench:
    input:
        lambda w: str(act_bench_file(CONFIG, w.task)),
    output:
        "results/{task}/act_bench.parquet",
    log:
        "logs/{task}/import.log",
    wildcard_constraints:
        task=one_of(IMPORTED),
    conda:
        CONDA
    resources:
        **cpu_job(8000, 60),
    params:
        rule="import_act_bench",
        settings=lambda w: settings("import-act-bench", w.task),
        code=code("import-act-bench"),
    message:
        "{wildcards.task}: importing {input}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch import-act-bench --task {wildcards.task} "
        "--file {input:q} --out {output} 2>&1 | tee {log}"


rule imported_table:
    input:
        functions=lambda w: f"results/spaces/{space_of(w.task, '')}/functions.parquet",
        act_bench="results/{task}/act_bench.parquet",
    output:
        "results/{task}/benchmark.parquet",
    log:
        "logs/{task}/benchmark.log",
    wildcard_constraints:
        task=one_of(IMPORTED),
    conda:
        CONDA
    params:
        rule="imported_table",
        code=code("imported-table"),
        operators=lambda w: operators_of_spaces(space_of(w.task, "")),
    message:
        "{wildcards.task}: looking up the functions in the imported table"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch imported-table --task {wildcards.task} "
        "--functions {input.functions} --act-bench {input.act_bench} --out {output} 2>&1 | tee {log}"


rule published_features:
    input:
        functions=lambda w: f"results/spaces/{space_of(w.task, '')}/functions.parquet",
        act_bench="results/{task}/act_bench.parquet",
    output:
        "results/{task}/fim/published.npz",
    log:
        "logs/{task}/fim/published.log",
    wildcard_constraints:
        task=one_of(name for name in IMPORTED if takes_published(name, "")),
    conda:
        CONDA
    resources:
        **cpu_job(4000, 60),
    params:
        rule="published_features",
        code=code("published-features"),
        operators=lambda w: operators_of_spaces(space_of(w.task, "")),
    message:
        "{wildcards.task}: taking the published FIM features"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch published-features --task {wildcards.task} "
        "--functions {input.functions} --act-bench {input.act_bench} --out {output} 2>&1 | tee {log}"


rule export_imported:
    input:
        "results/{task}/act_bench.parquet",
    output:
        "results/{task}/benchmark.json",
    log:
        "logs/{task}/export.log",
    wildcard_constraints:
        task=one_of(IMPORTED),
    conda:
        CONDA
    resources:
        **cpu_job(8000, 60),
    params:
        rule="export_imported",
        code=code("export-imported"),
    message:
        "{wildcards.task}: writing the imported table in the Act-Bench format"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch export-imported --task {wildcards.task} "
        "--act-bench {input} --out {output} 2>&1 | tee {log}"
