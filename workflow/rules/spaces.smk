"""Search spaces: every function, its class, its outputs on the normal samples; what each costs.

Needs: the configuration. Makes: results/spaces/{space}/functions.parquet, outputs.npy and
costs.parquet.
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


# Rules are numbered: names of spaces may differ in a dash alone, which no rule's name has.
for number, space in enumerate(PLAN.config.spaces):

    rule:
        name:
            rule_name("space_costs", number)
        input:
            layout.functions(space),
        output:
            layout.costs(space),
        log:
            f"logs/spaces/{space}-costs.log",
        conda:
            CONDA
        resources:
            **SITE.costs_job(PLAN.space_resources(space)),
        params:
            rule="space_costs",
            space=space,
            code=PLAN.code("costs"),
            operators=lambda w, space=space: PLAN.operators(space),
        message:
            f"{space}: measuring what functions cost"
        shell:
            "ACTSEARCH_RULE={params.rule} actsearch costs --space {params.space} "
            "--functions {input} --out {output} 2>&1 | tee {log}"
