"""The RO-Crate: what made every file, in a form that other tools read, with the workflow's sources.

Needs: whatever the configuration asks for. Makes: results/ro-crate-metadata.json and
results/workflow/, copies of the sources and of the configuration.
"""

HERE = Path(os.path.relpath(workflow.basedir))
COPIES = "results/workflow"
SOURCES = [
    "Snakefile",
    *sorted(
        f"workflow/rules/{path.name}" for path in HERE.glob("workflow/rules/*.smk")
    ),
]


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    crate,


rule crate:
    input:
        list(report_files().values()),
        act_bench_files(),
        "results/report.html",
    output:
        metadata="results/ro-crate-metadata.json",
        copies=[f"{COPIES}/{name}" for name in [*SOURCES, "config.yaml"]],
    log:
        "logs/crate.log",
    conda:
        CONDA
    params:
        rule="crate",
        settings=settings("crate"),
        code=code("crate"),
    message:
        "describing results/ as an RO-Crate"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch crate --workflow {HERE:q} --copies {COPIES} "
        "--out {output.metadata} {SOURCES} 2>&1 | tee {log}"
