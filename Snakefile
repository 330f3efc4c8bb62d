# Configuration check, includes, targets. Start with:  snakemake --cores all
from snakemake.utils import min_version

min_version("9.27")


# --configfile takes the place of the default experiment; two are not merged.
if not workflow.overwrite_configfiles:

    configfile: "config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/refusals.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/spaces.smk"
include: "workflow/rules/trials.smk"
include: "workflow/rules/act_bench.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/surrogate.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/final.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/crate.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/cluster.smk"
include: "workflow/rules/checks.smk"
include: "workflow/rules/estimate.smk"
include: "workflow/rules/outputs.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        "results/report.html",
        act_bench_files(),
        activation_files(),
        "results/ro-crate-metadata.json",
        "results/audit.json",
