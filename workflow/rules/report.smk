"""The report: one page with the tables and plots of everything.

Needs: whatever the configuration asks for. Makes: results/report.html.
"""


# Seconds of work: on a cluster they run where Snakemake runs.
localrules:
    report,


rule report:
    input:
        list(report_files().values()),
    output:
        "results/report.html",
    log:
        "logs/report.log",
    conda:
        CONDA
    params:
        rule="report",
        options=report_options(),
        settings=settings("report"),
        code=code("report"),
        operators=operators_of_spaces(
            *{space for task in TASKS for space in task_spaces(CONFIG, task)}
        ),
    message:
        "writing {output}"
    shell:
        "ACTSEARCH_RULE={params.rule} actsearch report --out {output} {params.options} 2>&1 | tee {log}"
