"""Stages before the last comparison: candidates on new seeds, the best of each go on to the next.

Needs: the benchmark table and the search histories of a task, or of the tasks in its
candidates_from. Makes: results/{task}/final/stage-{stage}/candidates.csv, {slot}.json and
ranking.csv. Sizes are fixed, so all stages are in the graph; the test set is not read.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    choose_stage,
    rank_stage,


rule choose_stage:
    input:
        lambda w: [path for _, path in PLAN.stage_sources(w.task, int(w.stage))],
    output:
        layout.stage_candidates("{task}", "{stage}"),
    log:
        "logs/{task}/final/stage-{stage}/candidates.log",
    wildcard_constraints:
        task=one_of(PLAN.staged),
    conda:
        CONDA
    params:
        rule="choose_stage",
        sources=lambda w: [
            f"{option}{path}"
            for option, path in PLAN.stage_sources(w.task, int(w.stage))
        ],
        settings=lambda w: PLAN.settings("stage", w.task, stage=int(w.stage)),
        code=PLAN.code("stage"),
        operators=lambda w: PLAN.operators_of_task(w.task),
    message:
        "{wildcards.task}: choosing the functions of stage {wildcards.stage}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch stage --task {wildcards.task} --stage {wildcards.stage} "
        "--out {output} {params.sources} 2>&1 | tee {log}"


for task in PLAN.staged:
    for stage in range(len(TASKS[task].final.stages)):
        slots = PLAN.stage_slots(task, stage)
        for number, pack in enumerate(
            counts.packs(slots, TASKS[task].final.functions_per_job)
        ):

            rule:
                name:
                    rule_name("train", task, "stage", stage, number)
                input:
                    PLAN.task_data(task),
                    candidates=layout.stage_candidates(task, stage),
                output:
                    update(layout.stage_trials(task, stage, pack)),
                log:
                    f"logs/{task}/final/stage-{stage}/pack-{number}.log",
                conda:
                    CONDA
                threads: training_threads(TASKS[task].resources)
                resources:
                    **SITE.training_job(TASKS[task].resources),
                params:
                    rule=rule_name("train", task, "stage", stage),
                    task=task,
                    stage=stage,
                    settings=PLAN.settings("train-stage", task, stage=stage),
                    data=PLAN.data_digest(task),
                    code=PLAN.code("train-stage", task),
                    operators=PLAN.operators_of_task(task),
                message:
                    f"{task}: training stage {stage}, pack {number}"
                shell:
                    "ACTSEARCH_RULE={params.rule} actsearch train-stage --task {params.task} "
                    "--stage {params.stage} --candidates {input.candidates} {output} 2>&1 | tee {log}"


rule rank_stage:
    input:
        candidates=layout.stage_candidates("{task}", "{stage}"),
        sources=lambda w: [
            path for _, path in PLAN.ranked_sources(w.task, int(w.stage))
        ],
        trials=lambda w: PLAN.ranked_trials(w.task, int(w.stage)),
    output:
        layout.stage_ranking("{task}", "{stage}"),
    log:
        "logs/{task}/final/stage-{stage}/ranking.log",
    wildcard_constraints:
        task=one_of(PLAN.staged),
    conda:
        CONDA
    params:
        rule="rank_stage",
        sources=lambda w: [
            f"{option}{path}"
            for option, path in PLAN.ranked_sources(w.task, int(w.stage))
        ],
        code=PLAN.code("rank-stage"),
    message:
        "{wildcards.task}: ranking the functions of stage {wildcards.stage}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch rank-stage --task {wildcards.task} "
        "--stage {wildcards.stage} --candidates {input.candidates} --out {output} {params.sources} "
        "{input.trials} 2>&1 | tee {log}"
