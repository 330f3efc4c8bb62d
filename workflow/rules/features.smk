"""What is known without training: FIM spectra in parts, and the map of both features.

Needs: the functions and outputs of a space. Makes, for the benchmark space of a task,
results/{task}/fim/part-{part}.npz and map.parquet; the same under search/ for its search space.
"""


rule fim_part:
    input:
        functions=lambda w: f"results/spaces/{space_of(w.task, w.scope)}/functions.parquet",
        data=lambda w: task_data(w.task),
    output:
        "results/{task}/{scope}fim/part-{part}.npz",
    log:
        "logs/{task}/{scope}fim/part-{part}.log",
    conda:
        CONDA
    threads: lambda w: TASKS[w.task].resources.threads
    resources:
        mem_mb=lambda w: TASKS[w.task].resources.mem_mb,
        runtime=240,
    params:
        settings=lambda w: settings("fim", w.task, part=int(w.part)),
        code=lambda w: code("fim", w.task),
    message:
        "{wildcards.task}: FIM spectra, {wildcards.scope}part {wildcards.part}"
    shell:
        "actsearch fim --task {wildcards.task} --functions {input.functions} "
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
        mem_mb=8000,
        runtime=120,
    params:
        settings=lambda w: settings("map", w.task),
        code=code("map"),
    message:
        "{wildcards.task}: {wildcards.scope}map of the functions"
    shell:
        "actsearch map --task {wildcards.task} "
        "--functions {input.functions} --outputs {input.outputs} --out {output} {input.fim} "
        "2>&1 | tee {log}"
