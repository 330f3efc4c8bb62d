"""The audit: every file checked, the crate among them. The last of all.

Needs: whatever the configuration asks for. Makes: results/audit.json.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    audit,


rule audit:
    input:
        list(report_files().values()),
        act_bench_files(),
        "results/report.html",
        "results/ro-crate-metadata.json",
    output:
        "results/audit.json",
    log:
        "logs/audit.log",
    conda:
        CONDA
    params:
        rule="audit",
        code=code("audit"),
    message:
        "auditing results/"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch audit --exit-zero --out {output} 2>&1 | tee {log}"
