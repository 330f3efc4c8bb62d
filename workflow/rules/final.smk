"""The last comparison: the baselines and the best found, new seeds, the test set read once.

Needs: the benchmark table and the search histories of a task, or of the tasks in its
candidates_from. Makes: results/{task}/final/candidates.csv, final/{slot}.json, final.json, and
final_activation.py, a PyTorch module that needs nothing but torch.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    choose_finalists,
    compare_finalists,
    write_activation,


rule choose_finalists:
    input:
        lambda w: [path for _, path in final_sources(w.task)],
    output:
        "results/{task}/final/candidates.csv",
    log:
        "logs/{task}/final/candidates.log",
    conda:
        CONDA
    params:
        rule="choose_finalists",
        sources=lambda w: [f"{option}{path}" for option, path in final_sources(w.task)],
        settings=lambda w: settings("finalists", w.task),
        code=code("finalists"),
        operators=lambda w: operators_of_spaces(*task_spaces(CONFIG, w.task)),
    message:
        "{wildcards.task}: choosing the finalists"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch finalists --task {wildcards.task} --out {output} "
        "{params.sources} 2>&1 | tee {log}"


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


rule write_activation:
    input:
        "results/{task}/final.json",
    output:
        "results/{task}/final_activation.py",
    log:
        "logs/{task}/final_activation.log",
    conda:
        CONDA
    params:
        rule="write_activation",
        code=code("final-activation"),
        operators=lambda w: operators_of_spaces(*task_spaces(CONFIG, w.task)),
    message:
        "{wildcards.task}: writing {output}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch final-activation --task {wildcards.task} "
        "--comparison {input} --out {output} 2>&1 | tee {log}"
