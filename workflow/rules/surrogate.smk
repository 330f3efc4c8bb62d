"""How well scores are predicted, and searches replayed on a table.

Needs: a task's map and benchmark table. Makes: results/{task}/surrogate.parquet,
surrogate_predictions.parquet, characterisation.parquet, simulation/{strategy}.parquet;
results/{task}/{scope}priors.parquet of tasks that ask others; results/strategies.parquet, all
strategies compared.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    judge_strategies,


rule cross_validate:
    input:
        map=layout.map_file("{task}"),
        table=layout.table("{task}"),
    output:
        scores=report(
            layout.surrogate("{task}"),
            caption="../report/surrogate.rst",
            category="Predictions",
            subcategory="{task}",
            labels={"file": "scores of predictions"},
        ),
        predictions=report(
            layout.predictions("{task}"),
            caption="../report/surrogate.rst",
            category="Predictions",
            subcategory="{task}",
            labels={"file": "predictions"},
        ),
        characterisation=report(
            layout.characterisation("{task}"),
            caption="../report/surrogate.rst",
            category="Predictions",
            subcategory="{task}",
            labels={"file": "by functions known"},
        ),
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
        "{wildcards.task}: how well features predict scores"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch surrogate --task {wildcards.task} --map {input.map} "
        "--table {input.table} --out {output.scores} --predictions {output.predictions} "
        "--characterisation {output.characterisation} 2>&1 | tee {log}"


rule simulate:
    input:
        map=layout.map_file("{task}"),
        table=layout.table("{task}"),
        priors=lambda w: PLAN.prior_files(w.task, "", w.strategy),
    output:
        report(
            layout.simulation("{task}", "{strategy}"),
            caption="../report/simulation.rst",
            category="Searches",
            subcategory="{task}",
            labels={"file": "replays of {strategy}"},
        ),
    log:
        "logs/{task}/simulation/{strategy}.log",
    conda:
        CONDA
    resources:
        **SITE.cpu_job(4000, 240),
    params:
        rule="simulate",
        settings=lambda w: PLAN.settings("simulate", strategy=w.strategy),
        priors=lambda w, input: [f"--priors {path}" for path in input.priors],
        code=lambda w: PLAN.code("simulate", strategy=w.strategy),
    message:
        "{wildcards.task}: simulating searches by {wildcards.strategy}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch simulate --task {wildcards.task} "
        "--strategy {wildcards.strategy} --map {input.map} --table {input.table} "
        "--out {output} {params.priors} 2>&1 | tee {log}"


rule judge_strategies:
    input:
        list(PLAN.judged_files().values()),
    output:
        report(
            layout.STRATEGIES,
            caption="../report/strategies.rst",
            category="Searches",
            subcategory="all tasks",
            labels={"file": "strategies compared"},
        ),
    log:
        "logs/strategies.log",
    conda:
        CONDA
    params:
        rule="judge_strategies",
        options=PLAN.options(PLAN.judged_files()),
        settings=PLAN.settings("judge"),
        code=PLAN.code("judge"),
    message:
        "comparing the strategies on all tables"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch judge --out {output} {params.options} 2>&1 | tee {log}"


rule rank_on_other_tasks:
    input:
        functions=lambda w: PLAN.functions(w.task, w.scope),
        outputs=lambda w: PLAN.outputs(w.task, w.scope),
        tables=lambda w: PLAN.prior_sources(w.task),
    output:
        layout.priors("{task}", "{scope}"),
    log:
        "logs/{task}/{scope}priors.log",
    wildcard_constraints:
        task=one_of(PLAN.informed),
    conda:
        CONDA
    resources:
        **SITE.cpu_job(4000, 60),
    params:
        rule="rank_on_other_tasks",
        tables=lambda w, input: [
            f"--from {other}={path}"
            for other, path in zip(TASKS[w.task].prior_from, input.tables)
        ],
        settings=lambda w: PLAN.settings("priors", w.task),
        code=PLAN.code("priors"),
        operators=lambda w: PLAN.operators_of_task(*TASKS[w.task].prior_from),
    message:
        "{wildcards.task}: ranks on other tasks"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch priors --task {wildcards.task} "
        "--functions {input.functions} --outputs {input.outputs} --out {output} "
        "{params.tables} 2>&1 | tee {log}"
