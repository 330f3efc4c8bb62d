"""What is known without training: FIM spectra in parts, and the map of both features.

Needs: the functions and outputs of a space. Makes, for the benchmark space of a task,
results/{task}/fim/part-{part}.npz and map.parquet; the same under search/ for its search space.
A task may take the features of an imported table in place of the parts: fim/published.npz.
"""

for task in {*BENCHMARKED, *SEARCHED}:

    rule:
        name:
            rule_name("fim", task)
        input:
            task_data(task),
            functions=lambda w, task=task: (
                f"results/spaces/{space_of(task, w.scope)}/functions.parquet"
            ),
        output:
            # What stands is kept by the command, like a trial, so Snakemake must not remove it.
            update(f"results/{task}/{{scope}}fim/part-{{part}}.npz"),
        log:
            f"logs/{task}/{{scope}}fim/part-{{part}}.log",
        conda:
            CONDA
        threads: TASKS[task].resources.threads
        resources:
            **gpu_job(
                min(TASKS[task].resources.gpu, 1), TASKS[task].resources.mem_mb, 240
            ),
        params:
            rule=rule_name("fim", task),
            task=task,
            settings=lambda w, task=task: settings("fim", task, part=int(w.part)),
            code=code("fim", task),
            operators=lambda w, task=task: operators_of_spaces(space_of(task, w.scope)),
        message:
            f"{task}: FIM spectra, {{wildcards.scope}}part {{wildcards.part}}"
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch fim --task {params.task} --functions {input.functions} "
            "--part {wildcards.part} --out {output} 2>&1 | tee {log}"


rule map_functions:
    input:
        functions=lambda w: f"results/spaces/{space_of(w.task, w.scope)}/functions.parquet",
        outputs=lambda w: f"results/spaces/{space_of(w.task, w.scope)}/outputs.npy",
        fim=lambda w: fim_parts(w.task, w.scope),
    output:
        "results/{task}/{scope}map.parquet",
    log:
        "logs/{task}/{scope}map.log",
    conda:
        CONDA
    resources:
        **cpu_job(8000, 120),
    params:
        rule="map_functions",
        settings=lambda w: settings(
            "map", w.task, published=takes_published(w.task, w.scope)
        ),
        code=code("map"),
    message:
        "{wildcards.task}: {wildcards.scope}map of the functions"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch map --task {wildcards.task} "
        "--functions {input.functions} --outputs {input.outputs} --out {output} {input.fim} "
        "2>&1 | tee {log}"
