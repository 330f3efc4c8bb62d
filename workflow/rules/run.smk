"""The start of a run, and its end. The last include: all rules are known.

Needs: the plan, Snakemake's own options. Makes: no file of results.
"""

from snakemake.logging import logger

from actsearch.cluster.interrupts import leave_ctrl_c
from actsearch.cluster.start import start
from actsearch.plan.environment import CONFIG_VARIABLE, OUTPUTS_VARIABLE

internals.forget_rule_names(workflow)
OPTIONS = internals.options(workflow)
# A job has no options, and starts nothing.
if OPTIONS:
    checked(check_made, PLAN, OPTIONS.targets, lambda: internals.products(workflow))
RUN = OPTIONS and checked(start, PLAN, OPTIONS, TOLD, logger.info, logger.warning)


onstart:
    leave_ctrl_c()
    if RUN:
        RUN.note_jobs(workflow, TOLD[CONFIG_VARIABLE], logger.info)
        RUN.look_after_jobs(workflow)


onsuccess:
    if RUN:
        RUN.forget_jobs()


if workflow.is_main_process and OUTPUTS_VARIABLE in os.environ:
    internals.write_outputs(workflow, os.environ[OUTPUTS_VARIABLE])
