"""The report: one page with the tables and plots of everything.

Needs: whatever the configuration asks for. Makes: results/report.html.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    report,


rule report:
    input:
        list(PLAN.report_files().values()),
    output:
        report(
            layout.REPORT,
            caption="../report/page.rst",
            category="Page",
            labels={"file": "all tables and plots"},
        ),
    log:
        "logs/report.log",
    conda:
        CONDA
    params:
        rule="report",
        options=PLAN.options(PLAN.report_files()),
        settings=PLAN.settings("report"),
        code=PLAN.code("report"),
        operators=PLAN.operators_of_task(*TASKS),
    message:
        "writing {output}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch report --out {output} {params.options} 2>&1 | tee {log}"
