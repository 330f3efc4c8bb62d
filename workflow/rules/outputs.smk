"""What rules make, for the audit: it names a file, and the list is written there. The last include.

Needs: all rules. Makes: no file of results.
"""

import json

from actsearch.cli.steps import OUTPUTS_VARIABLE


def write_outputs(path):
    """Write what rules make: files by name, and patterns of all others."""
    outputs = [file for rule in workflow.rules for file in rule.output]
    patterns = {file.regex().pattern for file in outputs if file.contains_wildcard()}
    names = [str(file) for file in outputs if not file.contains_wildcard()]
    Path(path).write_text(json.dumps({"files": names, "patterns": sorted(patterns)}))


if workflow.is_main_process and (asked_for := os.environ.get(OUTPUTS_VARIABLE)):
    write_outputs(asked_for)
