"""The screen of a live search: a whole space, of which the most promising functions are listed.

Needs: a task's benchmark table, the functions and outputs of its benchmark space. Makes:
results/{task}/search/functions.parquet and outputs.npy, which take the place of those of the search
space, and screen.json.
"""


rule screen_space:
    input:
        table=layout.table("{task}"),
        functions=lambda w: PLAN.functions(w.task),
        outputs=lambda w: PLAN.outputs(w.task),
    output:
        functions=layout.screened_functions("{task}"),
        outputs=layout.screened_outputs("{task}"),
        screen=layout.screen("{task}"),
    log:
        "logs/{task}/search/screen.log",
    wildcard_constraints:
        task=one_of(PLAN.screened),
    conda:
        CONDA
    resources:
        **SITE.cpu_job(4000, 120),
    params:
        rule="screen_space",
        settings=lambda w: PLAN.settings("screen", w.task),
        code=PLAN.code("screen"),
        operators=lambda w: PLAN.operators(PLAN.space_of(w.task, layout.SEARCH_SCOPE)),
    message:
        "{wildcards.task}: screening the search space"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch screen --task {wildcards.task} "
        "--table {input.table} --functions {input.functions} --outputs {input.outputs} "
        "--out {output.functions} --out-outputs {output.outputs} --out-screen {output.screen} "
        "2>&1 | tee {log}"
