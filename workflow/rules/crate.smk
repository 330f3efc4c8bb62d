"""The RO-Crate: what made every file, in a form that other tools read, with the workflow's sources.

Needs: whatever the configuration asks for. Makes: results/ro-crate-metadata.json and
results/workflow/, copies of the sources and of the configuration.
"""

RULES = sorted(Path(workflow.basedir).glob("workflow/rules/*.smk"))
SOURCES = ["Snakefile", *(f"workflow/rules/{path.name}" for path in RULES)]


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    crate,


rule crate:
    input:
        list(PLAN.report_files().values()),
        PLAN.act_bench_files(),
        layout.REPORT,
    output:
        metadata=report(
            layout.CRATE,
            caption="../report/crate.rst",
            category="Audit",
            labels={"file": "RO-Crate"},
        ),
        copies=[f"{layout.COPIES}/{name}" for name in [*SOURCES, "config.yaml"]],
    log:
        "logs/crate.log",
    conda:
        CONDA
    params:
        rule="crate",
        copies=lambda w, output: os.path.dirname(output.copies[0]),
        sources=SOURCES,
        settings=PLAN.settings("crate"),
        code=PLAN.code("crate"),
    message:
        "describing results/ as an RO-Crate"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch crate --copies {params.copies} "
        "--out {output.metadata} {params.sources} 2>&1 | tee {log}"
