"""Live search: rounds of proposals with fixed slots, so that the whole search stands in the graph.

Needs: the map of the search space. Makes: results/{task}/search/{strategy}/round-{round}/
proposals.csv and {slot}.json, and history.parquet. Round 0 is the baselines.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    propose,
    gather_history,


rule propose:
    input:
        unpack(lambda w: round_files(w.task, w.strategy, range(int(w.round)))),
        map="results/{task}/search/map.parquet",
    output:
        "results/{task}/search/{strategy}/round-{round}/proposals.csv",
    log:
        "logs/{task}/search/{strategy}/round-{round}/propose.log",
    conda:
        CONDA
    params:
        rule="propose",
        proposals=lambda w, input: [
            f"--proposals {path}" for path in input.get("proposals", ())
        ],
        settings=lambda w: settings(
            "propose", w.task, strategy=w.strategy, round=int(w.round)
        ),
        code=code("propose"),
    message:
        "{wildcards.task}: {wildcards.strategy} proposes round {wildcards.round}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch propose --task {wildcards.task} "
        "--strategy {wildcards.strategy} --map {input.map} --round {wildcards.round} "
        "--out {output} {params.proposals} {input.trials} 2>&1 | tee {log}"


for task in SEARCHED:
    for first in (True, False):
        per_job = TASKS[task].search.functions_per_job
        for number, pack in packs(slots(task, 0 if first else 1), per_job):
            folder = f"results/{task}/search/{{strategy}}/round-{{round}}"

            rule:
                name:
                    rule_name("train", task, "baselines" if first else "slots", number)
                input:
                    task_data(task),
                    proposals=f"{folder}/proposals.csv",
                output:
                    update([f"{folder}/{slot:02d}.json" for slot in pack]),
                log:
                    f"logs/{task}/search/{{strategy}}/round-{{round}}/pack-{number}.log",
                wildcard_constraints:
                    round="0" if first else "[1-9][0-9]*",
                conda:
                    CONDA
                threads: training_threads(task)
                resources:
                    **training_job(task),
                params:
                    rule=rule_name("train", task, "baselines" if first else "slots"),
                    task=task,
                    settings=settings("train", task),
                    code=code("train", task),
                    operators=operators_of_spaces(TASKS[task].search.space),
                message:
                    f"{task}: training round {{wildcards.round}}, pack {number}"
                shell:
                    "ACTSEARCH_RULE={params.rule} actsearch train --task {params.task} "
                    "--proposals {input.proposals} {output} 2>&1 | tee {log}"


rule gather_history:
    input:
        unpack(lambda w: round_files(w.task, w.strategy, all_rounds(w.task))),
    output:
        "results/{task}/search/{strategy}/history.parquet",
    log:
        "logs/{task}/search/{strategy}/history.log",
    conda:
        CONDA
    params:
        rule="gather_history",
        proposals=lambda w, input: [f"--proposals {path}" for path in input.proposals],
        code=code("history"),
    message:
        "{wildcards.task}: gathering the search by {wildcards.strategy}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch history --task {wildcards.task} --out {output} "
        "{params.proposals} {input.trials} 2>&1 | tee {log}"
