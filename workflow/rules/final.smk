"""The last comparison: the baselines and the best found, new seeds, the test set read once.

Needs: the benchmark table and the search histories of a task, or of the tasks in its
candidates_from; after stages, what these scored. Makes: results/{task}/final/candidates.csv, final/costs.csv, final/{slot}.json,
final.json, and final_activation.py, a PyTorch module that needs nothing but torch.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    choose_finalists,
    compare_finalists,
    write_activation,


rule choose_finalists:
    input:
        lambda w: [path for _, path in PLAN.final_sources(w.task)],
    output:
        report(
            layout.candidates("{task}"),
            caption="../report/candidates.rst",
            category="Last comparison",
            subcategory="{task}",
            labels={"file": "candidates"},
        ),
    log:
        "logs/{task}/final/candidates.log",
    conda:
        CONDA
    params:
        rule="choose_finalists",
        sources=lambda w: [
            f"{option}{path}" for option, path in PLAN.final_sources(w.task)
        ],
        settings=lambda w: PLAN.settings("finalists", w.task),
        code=PLAN.code("finalists"),
        operators=lambda w: PLAN.operators_of_task(w.task),
    message:
        "{wildcards.task}: choosing the finalists"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch finalists --task {wildcards.task} --out {output} "
        "{params.sources} 2>&1 | tee {log}"


for task in PLAN.compared:
    slots = PLAN.final_slots(task)
    for number, pack in enumerate(
        counts.packs(slots, TASKS[task].final.functions_per_job)
    ):

        rule:
            name:
                rule_name("train", task, "final", number)
            input:
                PLAN.task_data(task),
                candidates=layout.candidates(task),
            output:
                update(layout.final_trials(task, pack)),
            log:
                f"logs/{task}/final/pack-{number}.log",
            conda:
                CONDA
            threads: training_threads(TASKS[task].resources)
            resources:
                **SITE.training_job(TASKS[task].resources),
            params:
                rule=rule_name("train", task, "final"),
                task=task,
                settings=PLAN.settings("train-final", task),
                data=PLAN.data_digest(task),
                code=PLAN.code("train-final", task),
                operators=PLAN.operators_of_task(task),
            message:
                f"{task}: training finalists, pack {number}"
            shell:
                "ACTSEARCH_RULE={params.rule} actsearch train --final --task {params.task} "
                "--proposals {input.candidates} {output} 2>&1 | tee {log}"


for task in PLAN.compared:

    rule:
        name:
            rule_name("costs", task, "final")
        input:
            layout.candidates(task),
        output:
            layout.final_costs(task),
        log:
            f"logs/{task}/final/costs.log",
        conda:
            CONDA
        resources:
            **SITE.costs_job(TASKS[task].resources),
        params:
            rule=rule_name("costs", task, "final"),
            task=task,
            settings=PLAN.settings("final-costs", task),
            code=PLAN.code("final-costs"),
            operators=lambda w, task=task: PLAN.operators_of_task(task),
        message:
            f"{task}: measuring what the finalists cost"
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch final-costs --task {params.task} "
            "--candidates {input} --out {output} 2>&1 | tee {log}"


rule compare_finalists:
    input:
        candidates=layout.candidates("{task}"),
        costs=layout.final_costs("{task}"),
        rankings=lambda w: PLAN.stage_rankings(w.task),
        trials=lambda w: PLAN.final_trials(w.task),
    output:
        report(
            layout.final("{task}"),
            caption="../report/final.rst",
            category="Last comparison",
            subcategory="{task}",
            labels={"file": "comparison (JSON)"},
        ),
    log:
        "logs/{task}/final.log",
    conda:
        CONDA
    params:
        rule="compare_finalists",
        rankings=lambda w: [f"--ranking {path}" for path in PLAN.stage_rankings(w.task)],
        settings=lambda w: PLAN.settings("final", w.task),
        code=PLAN.code("final"),
    message:
        "{wildcards.task}: comparing the finalists on the test set"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch final --task {wildcards.task} "
        "--candidates {input.candidates} --costs {input.costs} --out {output} {params.rankings} "
        "{input.trials} 2>&1 | tee {log}"


rule write_activation:
    input:
        layout.final("{task}"),
    output:
        report(
            layout.final_activation("{task}"),
            caption="../report/activation.rst",
            category="Last comparison",
            subcategory="{task}",
            labels={"file": "the chosen function (PyTorch)"},
        ),
    log:
        "logs/{task}/final_activation.log",
    conda:
        CONDA
    params:
        rule="write_activation",
        code=PLAN.code("final-activation"),
        operators=lambda w: PLAN.operators_of_task(w.task),
    message:
        "{wildcards.task}: writing {output}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch final-activation --task {wildcards.task} "
        "--comparison {input} --out {output} 2>&1 | tee {log}"
