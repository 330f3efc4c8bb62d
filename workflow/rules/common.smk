"""The checked configuration as a plan, and what all rules share.

Needs: the merged configuration. Makes: PLAN, SITE and START. What happens before the first job, in
order, is on docs/start.md.
"""

from snakemake.exceptions import WorkflowError

from actsearch.config import ACT_BENCH_TABLES, STRATEGIES, parse_config
from actsearch.plan import counts, internals, layout
from actsearch.plan.environment import command_prefix, configuration_file, one_of, plain
from actsearch.plan.experiment import Plan, rule_name
from actsearch.plan.refusals import check_plan, check_targets
from actsearch.plan.resources import Site, training_threads


# One clear message in place of a stack trace, for the errors that the package defines.
def checked(function, *arguments, **options):
    try:
        return function(*arguments, **options)
    except ValueError as error:
        if type(error).__module__.startswith("actsearch"):
            raise WorkflowError(str(error)) from None
        raise


PLAN = checked(lambda: Plan(parse_config(plain(config))))
TASKS = PLAN.tasks
TOLD = configuration_file(plain(config), workflow.configfiles, workflow.main_snakefile)
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
    strategy=one_of(STRATEGIES),
    # A stray file may have any number in its name, and what is before it is counted up.
    part=r"0|[1-9]\d{0,5}",
    round=r"0|[1-9]\d{0,3}",


shell.prefix(command_prefix(TOLD))
checked(check_plan, PLAN, workflow.is_main_process)
checked(check_targets, PLAN)
