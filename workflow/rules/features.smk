"""What is known without training: FIM spectra in parts, and the map of both features.

Needs: the functions and outputs of a space. Makes, for the benchmark space of a task,
results/{task}/fim/part-{part}.npz and map.parquet; the same under search/ for its search space.
A task may take the features of an imported table in place of the parts: fim/published.npz.
"""

for task in {*PLAN.benchmarked, *PLAN.searched}:

    rule:
        name:
            rule_name("fim", task)
        input:
            PLAN.task_data(task),
            functions=lambda w, task=task: PLAN.functions(task, w.scope),
        output:
            # What stands is kept by the command, like a trial, so Snakemake must not remove it.
            update(layout.fim_part(task, "{scope}", "{part}")),
        log:
            f"logs/{task}/{{scope}}fim/part-{{part}}.log",
        conda:
            CONDA
        threads: TASKS[task].resources.threads
        resources:
            **SITE.fim_job(TASKS[task].resources),
        params:
            rule=rule_name("fim", task),
            task=task,
            settings=lambda w, task=task: PLAN.settings("fim", task, part=int(w.part)),
            data=PLAN.data_digest(task),
            code=PLAN.code("fim", task),
            operators=lambda w, task=task: PLAN.operators(PLAN.space_of(task, w.scope)),
        message:
            f"{task}: FIM spectra, {{wildcards.scope}}part {{wildcards.part}}"
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch fim --task {params.task} --functions {input.functions} "
            "--part {wildcards.part} --out {output} 2>&1 | tee {log}"


rule map_functions:
    input:
        functions=lambda w: PLAN.functions(w.task, w.scope),
        outputs=lambda w: PLAN.outputs(w.task, w.scope),
        fim=lambda w: PLAN.fim_parts(w.task, w.scope),
    output:
        layout.map_file("{task}", "{scope}"),
    log:
        "logs/{task}/{scope}map.log",
    conda:
        CONDA
    resources:
        **SITE.cpu_job(8000, 120),
    params:
        rule="map_functions",
        settings=lambda w: PLAN.settings(
            "map", w.task, published=PLAN.takes_published(w.task, w.scope)
        ),
        code=PLAN.code("map"),
    message:
        "{wildcards.task}: {wildcards.scope}map of the functions"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch map --task {wildcards.task} "
        "--functions {input.functions} --outputs {input.outputs} --out {output} {input.fim} "
        "2>&1 | tee {log}"
