"""Benchmark tables that are imported: the public Act-Bench files, or others in their format.

Needs: the functions of the benchmark space; the internet, once, where the workflow runs. Makes:
{data_folder}/act-bench/act-bench-{table}.json with its checksum beside it, results/{task}/
act_bench.parquet (all that the file says), benchmark.parquet, fim/published.npz, and on request
benchmark.json (the file again).
"""


# A cluster's nodes may have no way to the internet; looking up takes seconds.
localrules:
    fetch_act_bench,
    imported_table,


rule fetch_act_bench:
    output:
        # What stands is compared with its checksum by the command, so it must not be removed.
        file=update(layout.public_table(PLAN.config.data_folder, "{table}")),
        checksum=update(layout.public_checksum(PLAN.config.data_folder, "{table}")),
    log:
        "logs/act-bench/{table}.log",
    wildcard_constraints:
        table=one_of(ACT_BENCH_TABLES),
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
        lambda w: str(PLAN.act_bench_file(w.task)),
    output:
        layout.imported_file("{task}"),
    log:
        "logs/{task}/import.log",
    wildcard_constraints:
        task=one_of(PLAN.imported),
    conda:
        CONDA
    resources:
        **SITE.cpu_job(8000, 60),
    params:
        rule="import_act_bench",
        settings=lambda w: PLAN.settings("import-act-bench", w.task),
        code=PLAN.code("import-act-bench"),
    message:
        "{wildcards.task}: importing {input}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch import-act-bench --task {wildcards.task} "
        "--file {input:q} --out {output} 2>&1 | tee {log}"


rule imported_table:
    input:
        functions=lambda w: PLAN.functions(w.task),
        act_bench=layout.imported_file("{task}"),
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
        task=one_of(PLAN.imported),
    conda:
        CONDA
    params:
        rule="imported_table",
        code=PLAN.code("imported-table"),
        operators=lambda w: PLAN.operators(PLAN.space_of(w.task, "")),
    message:
        "{wildcards.task}: looking up the functions in the imported table"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch imported-table --task {wildcards.task} "
        "--functions {input.functions} --act-bench {input.act_bench} --out {output} 2>&1 | tee {log}"


rule published_features:
    input:
        functions=lambda w: PLAN.functions(w.task),
        act_bench=layout.imported_file("{task}"),
    output:
        layout.published_features("{task}"),
    log:
        "logs/{task}/fim/published.log",
    wildcard_constraints:
        task=one_of(name for name in PLAN.imported if PLAN.takes_published(name, "")),
    conda:
        CONDA
    resources:
        **SITE.cpu_job(4000, 60),
    params:
        rule="published_features",
        code=PLAN.code("published-features"),
        operators=lambda w: PLAN.operators(PLAN.space_of(w.task, "")),
    message:
        "{wildcards.task}: taking the published FIM features"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch published-features --task {wildcards.task} "
        "--functions {input.functions} --act-bench {input.act_bench} --out {output} 2>&1 | tee {log}"


rule export_imported:
    input:
        layout.imported_file("{task}"),
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
        task=one_of(PLAN.imported),
    conda:
        CONDA
    resources:
        **SITE.cpu_job(8000, 60),
    params:
        rule="export_imported",
        code=PLAN.code("export-imported"),
    message:
        "{wildcards.task}: writing the imported table in the Act-Bench format"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch export-imported --task {wildcards.task} "
        "--act-bench {input} --out {output} 2>&1 | tee {log}"
