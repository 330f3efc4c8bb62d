"""The audit of everything, and the list of what rules make that it asks for.

Needs: whatever the configuration asks for. Makes: results/audit.json.
"""

import json


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
        code=code("audit"),
    message:
        "auditing results/"
    shell:
        "ACTSEARCH_RULE={rule} actsearch audit --exit-zero --out {output} 2>&1 | tee {log}"


def write_outputs(path):
    """Write what rules make: files by name, and patterns of all others."""
    outputs = [file for rule in workflow.rules for file in rule.output]
    patterns = {file.regex().pattern for file in outputs if file.contains_wildcard()}
    names = [str(file) for file in outputs if not file.contains_wildcard()]
    Path(path).write_text(json.dumps({"files": names, "patterns": sorted(patterns)}))


if workflow.is_main_process and os.environ.get("ACTSEARCH_OUTPUTS"):
    write_outputs(os.environ["ACTSEARCH_OUTPUTS"])
