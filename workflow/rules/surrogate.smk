"""How well scores are predicted, and searches replayed on a table.

Needs: a task's map and benchmark table. Makes: results/{task}/surrogate.parquet,
surrogate_predictions.parquet, characterisation.parquet,
simulation/{strategy}.parquet.
"""


rule cross_validate:
    input:
        map=layout.map_file("{task}"),
        table=layout.table("{task}"),
    output:
        scores=layout.surrogate("{task}"),
        predictions=layout.predictions("{task}"),
        characterisation=layout.characterisation("{task}"),
    log:
        "logs/{task}/surrogate.log",
    conda:
        CONDA
    resources:
        **SITE.cpu_job(4000, 240),
    params:
        rule="cross_validate",
        settings=PLAN.settings("surrogate"),
        code=PLAN.code("surrogate"),
    message:
        "{wildcards.task}: what features tell of scores"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch surrogate --task {wildcards.task} --map {input.map} "
        "--table {input.table} --out {output.scores} --predictions {output.predictions} "
        "--characterisation {output.characterisation} 2>&1 | tee {log}"


rule simulate:
    input:
        map=layout.map_file("{task}"),
        table=layout.table("{task}"),
    output:
        layout.simulation("{task}", "{strategy}"),
    log:
        "logs/{task}/simulation/{strategy}.log",
    conda:
        CONDA
    resources:
        **SITE.cpu_job(4000, 240),
    params:
        rule="simulate",
        settings=lambda w: PLAN.settings("simulate", strategy=w.strategy),
        code=PLAN.code("simulate"),
    message:
        "{wildcards.task}: simulating searches by {wildcards.strategy}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch simulate --task {wildcards.task} "
        "--strategy {wildcards.strategy} --map {input.map} --table {input.table} "
        "--out {output} 2>&1 | tee {log}"
