"""The checked configuration as a plan, and what all rules share.

Needs: config.yaml, or what the command line gives. Makes: PLAN, SITE and START. What happens before
the first job, in order, is on docs/start.md.
"""

import os
import sys

# Snakemake looks for modules beside the Snakefile first, where there may be a typing.py.
sys.path.sort(key=lambda path: path in ("", os.getcwd(), workflow.basedir))

from actsearch.records.search_path import working_folder_last

working_folder_last(workflow.basedir)

from actsearch.cluster.interrupts import end_on_ctrl_c

if workflow.is_main_process:
    end_on_ctrl_c()

from actsearch.config import ACT_BENCH_TABLES, read_values
from actsearch.plan import counts, internals, layout
from actsearch.plan.dependencies import users_code
from actsearch.plan.environment import (
    CODE_VARIABLE,
    command_prefix,
    configuration_file,
    configuration_values,
    one_of,
)
from actsearch.plan.experiment import rule_name
from actsearch.plan.resources import Site, training_threads
from actsearch.plan.targets import check_made, check_targets
from actsearch.plan.whole import name_of, planned

internals.collect_seldom()
internals.look_up_names_first()


# One clear message in place of a stack trace, for the errors that the package defines.
def checked(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except ValueError as error:
        if not type(error).__module__.startswith("actsearch."):
            raise
        raise internals.refusal(str(error)) from None


# --configfile takes the place of the default experiment; two are not merged.
if not workflow.overwrite_configfiles:
    # Of a key that stands there twice Snakemake would say nothing.
    checked(read_values, "config.yaml")

    configfile: "config.yaml"


FILES, CHANGES = internals.given_configuration(workflow)
VALUES = checked(configuration_values, FILES, CHANGES)
# The same is refused here as by actsearch check: both call this.
PLAN = checked(
    planned,
    VALUES,
    name_of(FILES, CHANGES),
    look_into_files=workflow.is_main_process,
)
TASKS = PLAN.tasks
TOLD = configuration_file(VALUES, FILES, workflow.main_snakefile)
SITE = Site(
    *(
        internals.default_resource(workflow, name)
        for name in ("cpu_partition", "gpu_model")
    )
)
CONDA = "../../envs/environment.yaml"


wildcard_constraints:
    task=one_of(TASKS),
    space=one_of(PLAN.config.spaces),
    # Features are made for a task's benchmark space, and for its search space under search/.
    scope="(search/)?",
    slug=r"[a-z0-9_.]+",
    strategy=one_of(PLAN.strategies),
    # A stray file may have any number in its name, and what is before it is counted up.
    part=r"0|[1-9]\d{0,5}",
    round=r"0|[1-9]\d{0,3}",
    stage=r"0|[1-9]\d?",


shell.prefix(command_prefix(TOLD))
checked(check_targets, PLAN)

# Jobs on a cluster read this file too, and know by it with which code the run began.
if workflow.is_main_process:
    os.environ[CODE_VARIABLE] = checked(users_code, PLAN.config)
