"""The audit: every file checked, the crate among them. The last of all.

Needs: whatever the configuration asks for. Makes: results/audit.json.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    audit,


rule audit:
    input:
        list(PLAN.report_files().values()),
        PLAN.act_bench_files(),
        layout.REPORT,
        layout.CRATE,
    output:
        report(
            layout.AUDIT,
            caption="../report/audit.rst",
            category="Audit",
            labels={"file": "findings"},
        ),
    log:
        "logs/audit.log",
    conda:
        CONDA
    params:
        rule="audit",
        code=PLAN.code("audit"),
    message:
        "auditing results/"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch audit --exit-zero --out {output} 2>&1 | tee {log}"
