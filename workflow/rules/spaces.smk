"""Search spaces: every function, its class, its outputs on the normal samples.

Needs: the configuration. Makes: results/spaces/{space}/functions.parquet and outputs.npy.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    enumerate_space,


rule enumerate_space:
    output:
        functions="results/spaces/{space}/functions.parquet",
        outputs="results/spaces/{space}/outputs.npy",
    log:
        "logs/spaces/{space}.log",
    conda:
        CONDA
    resources:
        mem_mb=4000,
    params:
        rule="enumerate_space",
        settings=lambda w: settings("enumerate", space=w.space),
        code=code("enumerate"),
        operators=lambda w: operators_of_spaces(w.space),
    message:
        "{wildcards.space}: enumerating functions"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch enumerate --space {wildcards.space} "
        "--out {output.functions} --outputs {output.outputs} 2>&1 | tee {log}"
