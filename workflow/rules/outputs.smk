"""What rules make, and from what, for the commands that check results. The last include.

They name a file that lists paths; the answer takes its place. Needs: all rules. Makes: no file of
results.
"""

import json

from snakemake.exceptions import InputFunctionException
from snakemake.io import Wildcards

from actsearch.cli.steps import OUTPUTS_VARIABLE


def inputs_of(rule, path):
    """Files that a rule makes ``path`` from; None where the configuration lacks what it needs."""
    wildcards = Wildcards(fromdict=rule.get_wildcards(path))
    try:
        return [os.path.normpath(file) for file in rule.expand_input(wildcards)[0]]
    except InputFunctionException:
        return None


def is_result(file):
    """Whether an output lies under results/."""
    return os.path.normpath(file).startswith("results" + os.sep)


def write_outputs(path):
    """Write what rules make: files by name, patterns of all others, inputs of the paths asked for."""
    named, patterns = {}, {}
    for rule in workflow.rules:
        for file in rule.output:
            if file.contains_wildcard():
                patterns.setdefault(file.regex().pattern, rule)
            else:
                named[str(file)] = rule
    makers = [(re.compile(pattern), rule) for pattern, rule in patterns.items()]
    inputs = {}
    for wanted in json.loads(Path(path).read_text()):
        # A rule that names a file makes it, rather than one whose pattern it matches.
        matching = (rule for pattern, rule in makers if pattern.fullmatch(wanted))
        maker = named.get(wanted) or next(matching, None)
        inputs[wanted] = inputs_of(maker, wanted) if maker else None
    answer = {
        "files": list(named),
        "patterns": sorted(patterns),
        "inputs": inputs,
        "rules": [rule.name for rule in workflow.rules if any(map(is_result, rule.output))],
    }
    Path(path).write_text(json.dumps(answer))


if workflow.is_main_process and (asked_for := os.environ.get(OUTPUTS_VARIABLE)):
    write_outputs(asked_for)
