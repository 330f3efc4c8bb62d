"""The report: one page with the tables and plots of everything.

Needs: whatever the configuration asks for. Makes: results/report.html.
"""


rule report:
    input:
        list(report_files().values()),
    output:
        "results/report.html",
    log:
        "logs/report.log",
    params:
        options=report_options(),
        settings=settings("report"),
        code=code("report"),
    conda:
        CONDA
    message:
        "writing {output}"
    shell:
        "actsearch report --config {CONFIG_FILE} --out {output} {params.options} 2> {log}"
