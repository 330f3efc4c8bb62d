"""What rules make, and from what, for the commands that check results. The last include.

They name a file that lists paths; the answer takes its place. Needs: all rules. Makes: no file of
results.
"""

import json

from snakemake.exceptions import InputFunctionException
from snakemake.iocontainers import Wildcards

from actsearch.cli.steps import OUTPUTS_VARIABLE


def inputs_of(maker, path):
    """Files that a rule makes ``path`` from; None where the configuration lacks what it needs."""
    wildcards = Wildcards(fromdict=maker.get_wildcards(path))
    try:
        return [os.path.normpath(file) for file in maker.expand_input(wildcards)[0]]
    except InputFunctionException:
        return None


def is_result(file):
    """Whether an output lies under results/."""
    return os.path.normpath(file).startswith("results/")


def write_outputs(path):
    """Write what rules make: files by name, patterns of all others, inputs of the paths asked for."""
    named, patterns = {}, {}
    for maker in workflow.rules:
        for file in maker.output:
            if file.contains_wildcard():
                patterns.setdefault(file.regex().pattern, maker)
            else:
                named[str(file)] = maker
    makers = [(re.compile(pattern), maker) for pattern, maker in patterns.items()]
    inputs = {}
    for wanted in json.loads(Path(path).read_text()):
        # A rule that names a file makes it, rather than one whose pattern it matches.
        matching = (maker for pattern, maker in makers if pattern.fullmatch(wanted))
        maker = named.get(wanted) or next(matching, None)
        inputs[wanted] = inputs_of(maker, wanted) if maker else None
    answer = {
        "files": list(named),
        "patterns": sorted(patterns),
        "inputs": inputs,
        "rules": [
            maker.name for maker in workflow.rules if any(map(is_result, maker.output))
        ],
    }
    Path(path).write_text(json.dumps(answer))


if workflow.is_main_process and (asked_for := os.environ.get(OUTPUTS_VARIABLE)):
    write_outputs(asked_for)
