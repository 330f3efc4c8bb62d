"""Search spaces: every function, its class, its outputs on the normal samples.

Needs: the configuration. Makes: results/spaces/{space}/functions.parquet and outputs.npy.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    enumerate_space,


rule enumerate_space:
    output:
        functions=layout.functions("{space}"),
        outputs=layout.outputs("{space}"),
    log:
        "logs/spaces/{space}.log",
    conda:
        CONDA
    resources:
        mem_mb=4000,
    params:
        rule="enumerate_space",
        settings=lambda w: PLAN.settings("enumerate", space=w.space),
        code=PLAN.code("enumerate"),
        operators=lambda w: PLAN.operators(w.space),
    message:
        "{wildcards.space}: enumerating functions"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch enumerate --space {wildcards.space} "
        "--out {output.functions} --outputs {output.outputs} 2>&1 | tee {log}"
