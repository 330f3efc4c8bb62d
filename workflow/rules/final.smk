"""The last comparison: the baselines and the best found, new seeds, the test set read once.

Needs: the benchmark table and the search histories of a task. Makes:
results/{task}/final/candidates.csv, final/{slot}.json and final.json.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    choose_finalists,
    compare_finalists,


rule choose_finalists:
    input:
        table=lambda w: (
            [f"results/{w.task}/benchmark.parquet"] if TASKS[w.task].benchmark else []
        ),
        histories=lambda w: histories(w.task),
    output:
        "results/{task}/final/candidates.csv",
    log:
        "logs/{task}/final/candidates.log",
    conda:
        CONDA
    params:
        rule="choose_finalists",
        table=lambda w, input: [f"--table {path}" for path in input.table],
        settings=lambda w: settings("finalists", w.task),
        code=code("finalists"),
    message:
        "{wildcards.task}: choosing the finalists"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch finalists --task {wildcards.task} --out {output} "
        "{params.table} {input.histories} 2>&1 | tee {log}"


for task in COMPARED:
    for number, pack in packs(final_slots(task), TASKS[task].final.functions_per_job):

        rule:
            name:
                rule_name("train", task, "final", number)
            input:
                task_data(task),
                candidates=f"results/{task}/final/candidates.csv",
            output:
                update([f"results/{task}/final/{slot:02d}.json" for slot in pack]),
            log:
                f"logs/{task}/final/pack-{number}.log",
            conda:
                CONDA
            threads: training_threads(task)
            resources:
                **training_job(task),
            params:
                rule=rule_name("train", task, "final"),
                task=task,
                settings=settings("train-final", task),
                code=code("train-final", task),
                operators=operators_of_spaces(*task_spaces(CONFIG, task)),
            message:
                f"{task}: training finalists, pack {number}"
            shell:
                "ACTSEARCH_RULE={params.rule} actsearch train --final --task {params.task} "
                "--proposals {input.candidates} {output} 2>&1 | tee {log}"


rule compare_finalists:
    input:
        candidates="results/{task}/final/candidates.csv",
        trials=lambda w: [
            f"results/{w.task}/final/{slot:02d}.json" for slot in final_slots(w.task)
        ],
    output:
        "results/{task}/final.json",
    log:
        "logs/{task}/final.log",
    conda:
        CONDA
    params:
        rule="compare_finalists",
        settings=lambda w: settings("final", w.task),
        code=code("final"),
    message:
        "{wildcards.task}: comparing the finalists on the test set"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch final --task {wildcards.task} "
        "--candidates {input.candidates} --out {output} {input.trials} 2>&1 | tee {log}"
