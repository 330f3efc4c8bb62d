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
        unpack(lambda w: PLAN.earlier_rounds(w.task, w.strategy, int(w.round))),
        map=layout.map_file("{task}", layout.SEARCH_SCOPE),
        priors=lambda w: PLAN.prior_files(w.task, layout.SEARCH_SCOPE, w.strategy),
    output:
        layout.proposals("{task}", "{strategy}", "{round}"),
    log:
        "logs/{task}/search/{strategy}/round-{round}/propose.log",
    conda:
        CONDA
    params:
        rule="propose",
        proposals=lambda w, input: [
            f"--proposals {path}" for path in input.get("proposals", ())
        ],
        settings=lambda w: PLAN.settings(
            "propose", w.task, strategy=w.strategy, round=int(w.round)
        ),
        priors=lambda w, input: [f"--priors {path}" for path in input.priors],
        code=lambda w: PLAN.code("propose", strategy=w.strategy),
    message:
        "{wildcards.task}: {wildcards.strategy} proposes round {wildcards.round}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch propose --task {wildcards.task} "
        "--strategy {wildcards.strategy} --map {input.map} --round {wildcards.round} "
        "--out {output} {params.priors} {params.proposals} {input.trials} 2>&1 | tee {log}"


for task in PLAN.searched:
    for first in (True, False):
        slots = PLAN.search_slots(task, 0 if first else 1)
        size = TASKS[task].search.functions_per_job
        for number, pack in enumerate(counts.packs(slots, size)):

            rule:
                name:
                    rule_name("train", task, "baselines" if first else "slots", number)
                input:
                    PLAN.task_data(task),
                    proposals=layout.proposals(task, "{strategy}", "{round}"),
                output:
                    update(layout.search_trials(task, "{strategy}", "{round}", pack)),
                log:
                    f"logs/{task}/search/{{strategy}}/round-{{round}}/pack-{number}.log",
                wildcard_constraints:
                    round="0" if first else "[1-9][0-9]{0,3}",
                conda:
                    CONDA
                threads: training_threads(TASKS[task].resources)
                resources:
                    **SITE.training_job(TASKS[task].resources),
                params:
                    rule=rule_name("train", task, "baselines" if first else "slots"),
                    task=task,
                    settings=PLAN.settings("train", task),
                    data=PLAN.data_digest(task),
                    code=PLAN.code("train", task),
                    operators=PLAN.operators(PLAN.space_of(task, layout.SEARCH_SCOPE)),
                message:
                    f"{task}: training round {{wildcards.round}}, pack {number}"
                shell:
                    "ACTSEARCH_RULE={params.rule} actsearch train --task {params.task} "
                    "--proposals {input.proposals} {output} 2>&1 | tee {log}"


rule gather_history:
    input:
        unpack(lambda w: PLAN.all_rounds(w.task, w.strategy)),
    output:
        report(
            layout.history("{task}", "{strategy}"),
            caption="../report/history.rst",
            category="Searches",
            subcategory="{task}",
            labels={"file": "live search by {strategy}"},
        ),
    log:
        "logs/{task}/search/{strategy}/history.log",
    conda:
        CONDA
    params:
        rule="gather_history",
        proposals=lambda w, input: [f"--proposals {path}" for path in input.proposals],
        code=PLAN.code("history"),
    message:
        "{wildcards.task}: gathering the search by {wildcards.strategy}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch history --task {wildcards.task} --out {output} "
        "{params.proposals} {input.trials} 2>&1 | tee {log}"
