# Configuration check, includes, targets. Start with:  snakemake --cores all
from snakemake.utils import min_version

min_version("9.27")


# The words at the head of what `snakemake --report` makes; captions stand beside them.
report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/spaces.smk"
include: "workflow/rules/trials.smk"
include: "workflow/rules/act_bench.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/surrogate.smk"
include: "workflow/rules/screen.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/stages.smk"
include: "workflow/rules/final.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/crate.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/run.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        layout.REPORT,
        PLAN.act_bench_files(),
        PLAN.activation_files(),
        layout.CRATE,
        layout.AUDIT,
