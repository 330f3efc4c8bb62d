"""The one place that touches what Snakemake does not promise to keep.

Tried with Snakemake 9.27.1 and its SLURM executor 2.8.0; pyproject.toml bounds both from above.
Everything here is a function of Snakemake's own ``workflow`` object, handed over by the Snakefile,
or a name of its hidden folder. Snakemake is imported inside functions: commands know only names.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from actsearch.plan import layout
from actsearch.plan.layout import HIDDEN
from actsearch.plan.products import Made

NOTES = (f"{HIDDEN}/metadata", f"{HIDDEN}/incomplete")
"""Folders in which Snakemake notes what it has made, and what it was making."""
LOCKS = HIDDEN / "locks"
"""Folder of its locks, which a run that was killed leaves."""
# Options with which Snakemake makes no file of ours.
PLANS = ("dryrun", "summary", "detailed_summary")
# fmt: off
LOOKS = (
    "unlock", "lint", "list_rules", "list_target_rules",
    "print_compilation", "containerize", "report", "generate_unit_tests",
    "dag", "rulegraph", "filegraph", "d3dag",
    "cleanup_metadata", "conda_cleanup_envs", "conda_create_envs_only", "list_conda_envs",
    "cleanup_shadow", "container_cleanup_images", "list_changes", "list_input_changes",
    "list_params_changes", "list_untracked", "archive",
)
# fmt: on
_SUBMITTED = re.compile(r"Job (\d+) has been submitted with SLURM jobid (\d+)")
_FAILED = ("RuleException", "WorkflowError", "CalledProcessError")
_SECONDS_TO_END = 200  # the executor may sleep for 180


def given_configuration(workflow: Any) -> tuple[list[str], list[str]]:
    """Files that the configuration is read from, and ``KEY=VALUE`` of ``--config`` as written."""
    settings = workflow.config_settings
    files = settings.configfiles if settings.replace_workflow_config else workflow.configfiles
    return [str(file) for file in files], list(settings.config_args or ())


def collect_seldom() -> None:
    """Have Python look for cycles among objects less often: nearly all of a graph's are kept."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def look_up_names_first() -> None:
    """Have Snakemake find the rule that names a file in a table, before it tries patterns.

    It prefers a rule without wildcards anyway, but compares each file with every pattern first, and
    makes a job of each that fits: of a trial, that of the pack and that of the function by name.
    Where Snakemake has another form, it is left as it is.
    """
    import snakemake.dag
    from snakemake.rules import Rule

    index: Any = getattr(snakemake.dag, "OutputIndex", None)
    asked = getattr(index, "match_producers", None), getattr(Rule, "has_wildcards", None)
    if not all(map(callable, asked)) or index.__name__ != "OutputIndex":
        return

    class NamesFirst(index):  # type: ignore[misc]
        def __init__(self, rules: Any) -> None:
            patterned = [rule for rule in rules if rule.has_wildcards()]
            super().__init__(patterned)
            self._named: dict[str, set[Any]] = {}
            for rule in set(rules).difference(patterned):
                for file in rule.products():
                    self._named.setdefault(str(file), set()).add(rule)

        def match_producers(self, targetfile: str) -> set[Any]:
            named = self._named.get(str(targetfile))
            return named or set(super().match_producers(targetfile))

    snakemake.dag.OutputIndex = NamesFirst


def forget_rule_names(workflow: Any) -> None:
    """Take the names of rules out of the variables that Snakemake copies for each line it prints.

    A rule has its own function; the name of it is left over, one for every pack.
    """
    for rule in workflow.rules:
        name = f"__{rule.name}"
        if workflow.globals.get(name) is getattr(rule, "run_func", None):
            workflow.globals.pop(name, None)


def refusal(message: str) -> Exception:
    """An error of which Snakemake shows the message, and not where in the workflow it was raised.

    Snakemake prints lines of the workflow's files below any error whose traceback has some. The
    reader has not written these files, and the message says what to do: so there is no traceback.

    Returns:
        The error.
    """
    from snakemake.exceptions import WorkflowError

    error: type[Exception] = type("error", (WorkflowError,), {"__traceback__": None})
    return error(message)


def products(workflow: Any) -> Made:
    """What the rules make, and what they are called."""
    files: set[str] = set()
    patterns: dict[str, re.Pattern[str]] = {}
    for maker in workflow.rules:
        for file in maker.output:
            if file.contains_wildcard():
                patterns[str(file)] = re.compile(file.regex().pattern)
            else:
                files.add(os.path.normpath(str(file)))
    return Made(frozenset(rule.name for rule in workflow.rules), frozenset(files), patterns)


class Options:
    """What the command line asks Snakemake for."""

    def __init__(self, parsed: Any) -> None:
        """Take Snakemake's own parsed options."""
        self._parsed = parsed
        self.targets: list[str] = list(parsed.targets or ["all"])
        self.dry_run = bool(parsed.dryrun)
        self.unlocks = bool(parsed.unlock)
        self.on_slurm = parsed.executor == "slurm"
        self.looks = self._given(LOOKS)
        """Whether it only looks at the workflow, and asks for no plan."""
        self.makes_files = not self.looks and not self._given(PLANS)
        """Whether files are made, or touched."""
        self.touches = self._given(["touch"])
        """Whether files are only noted as made."""

    def _given(self, names: Any) -> bool:
        return any(getattr(self._parsed, name, None) for name in names)


def options(workflow: Any) -> Options | None:
    """Options of this process.

    Returns:
        None in a job, and where Snakemake is used as a library.

    Raises:
        WorkflowError: when a profile cannot be found again from the working folder.
    """
    if not workflow.is_main_process or "snakemake" not in Path(sys.argv[0]).parts[-2:]:
        return None
    from snakemake.cli import parse_args
    from snakemake.exceptions import WorkflowError

    # After --directory, a profile is no more seen from here.
    for folder in (Path.cwd(), Path(workflow.basedir)):
        with (
            contextlib.suppress(SystemExit),
            contextlib.chdir(folder),
            contextlib.redirect_stderr(io.StringIO()),  # it has been said already
        ):
            return Options(parse_args(sys.argv[1:])[1])
    raise WorkflowError("with --directory, --profile takes the profile's absolute path")


def default_resource(workflow: Any, name: str) -> str | None:
    """What the profile says among its default resources; None where it says nothing."""
    defaults = workflow.resource_settings.default_resources or {}
    return str(defaults[name].raw).strip("'\"") if name in defaults else None


def awaited_jobs(workflow: Any) -> int:
    """Number of jobs on the cluster that Snakemake waits for."""
    return sum(not job.is_local for job in list(workflow.scheduler.running))


def name_of_jobs(workflow: Any) -> str:
    """The name that the executor gives all its SLURM jobs."""
    return str(workflow.scheduler._executor.run_uuid)


def number_of_jobs(workflow: Any) -> int:
    """Number of jobs that this run will do."""
    return len(workflow.dag)


def listen(hear: Callable[[str, Mapping[str, Any]], None]) -> None:
    """Have ``hear`` called with what happens to jobs, beside Snakemake's own window and log.

    Args:
        hear: takes the kind of the event and what is known of it: ``job`` (jobid, rule, message,
            output, log, local), ``submitted`` (jobid, slurm), ``finished`` (jobid), ``failed``
            (jobid), ``progress`` (done, total). What it raises is dropped: a run does not fail
            over who watches it.
    """
    from snakemake.logging import logger

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            with contextlib.suppress(Exception):
                if heard := _heard(record):
                    hear(*heard)

    logger.addHandler(Listener())


def be_quiet_about_failures(when: Callable[[], bool]) -> None:
    """Leave out of window and log that jobs have failed, while ``when`` says so.

    After Ctrl-C the jobs that were stopped are no failures, and nobody asks which rules they had.
    """
    from snakemake.logging import logger

    def keep(record: logging.LogRecord) -> bool:
        event = str(getattr(record, "event", None) or "")
        is_failure = event in ("job_error", "group_error") or (
            event == "error" and getattr(record, "exception", "") in _FAILED
        )
        told = str(record.msg).startswith("--keep-incomplete")
        return not ((is_failure or told) and when())

    logger.addFilter(keep)


def _heard(record: Any) -> tuple[str, dict[str, Any]] | None:
    event = str(getattr(record, "event", None) or "")
    if event == "job_info":
        return "job", {
            "jobid": record.jobid,
            "rule": record.rule_name,
            "message": record.rule_msg,
            "output": [re.sub(r" \([a-z ,]+\)$", "", str(file)) for file in record.output],
            "log": [str(file) for file in record.log],
            "local": bool(record.local),
        }
    if event == "job_finished":
        return "finished", {"jobid": record.job_id}
    if event == "job_error":
        return "failed", {"jobid": record.jobid}
    if event == "progress":
        return "progress", {"done": record.done, "total": record.total}
    found = _SUBMITTED.match(str(record.msg)) if not event else None
    return ("submitted", {"jobid": int(found[1]), "slurm": found[2]}) if found else None


def end_run(workflow: Any, reason: str) -> None:
    """End with a message: softly, or without Snakemake where it hangs itself."""
    from snakemake.exceptions import WorkflowError
    from snakemake.logging import logger

    logger.error(reason)
    workflow.scheduler.executor_error_callback(WorkflowError(reason))
    time.sleep(_SECONDS_TO_END)
    os._exit(1)


def _inputs_of(maker: Any, path: str) -> list[str] | None:
    """Files that a rule makes ``path`` from; None where the configuration lacks what it needs."""
    from snakemake.exceptions import InputFunctionException
    from snakemake.iocontainers import Wildcards

    wildcards = Wildcards(fromdict=maker.get_wildcards(path))
    try:
        return [os.path.normpath(file) for file in maker.expand_input(wildcards)[0]]
    except InputFunctionException:
        return None


def write_outputs(workflow: Any, path: str) -> None:
    """Write what rules make, what a run without targets makes, and inputs of the paths asked for.

    Args:
        workflow: with all its rules.
        path: a file that lists paths as JSON; the answer takes its place. Rules make files by name,
            and others by pattern.
    """
    named: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    for maker in workflow.rules:
        for file in maker.output:
            if file.contains_wildcard():
                patterns.setdefault(file.regex().pattern, maker)
            else:
                named[str(file)] = maker
    makers = [(re.compile(pattern), maker) for pattern, maker in patterns.items()]
    inputs: dict[str, list[str] | None] = {}
    of_rule: dict[str, list[str] | None] = {}  # of a rule that names its files: the same for all

    def look_up(wanted: str) -> list[str]:
        # A rule that names a file makes it, rather than one whose pattern it matches.
        if wanted not in inputs and (maker := named.get(wanted)):
            if maker.name not in of_rule:
                of_rule[maker.name] = _inputs_of(maker, wanted)
            inputs[wanted] = of_rule[maker.name]
        elif wanted not in inputs:
            matching = (maker for pattern, maker in makers if pattern.fullmatch(wanted))
            maker = next(matching, None)
            inputs[wanted] = _inputs_of(maker, wanted) if maker else None
        return inputs[wanted] or []

    # Rule all, which is not known yet, asks for no more than what the audit comes after.
    always = _made_for(layout.AUDIT, workflow, look_up)
    for file in json.loads(Path(path).read_text(encoding="utf-8")):
        look_up(file)
    rules = [
        maker.name
        for maker in workflow.rules
        if any(layout.is_result(os.path.normpath(file)) for file in maker.output)
    ]
    answer = {
        "files": list(named),
        "patterns": sorted(patterns),
        "inputs": inputs,
        "rules": rules,
        "wanted": sorted(always),
    }
    Path(path).write_text(json.dumps(answer), encoding="utf-8")


def _made_for(target: str, workflow: Any, inputs_of: Callable[[str], list[str]]) -> set[str]:
    """The target, all that it is made from at any distance, and what jobs make beside them."""
    waiting, found = [target], set[str]()
    while waiting:
        file = waiting.pop()
        if file not in found:
            found.add(file)
            waiting += inputs_of(file)
    named = ({str(file) for file in rule.output} for rule in workflow.rules)
    # One of a job's files is asked for, and all of them are made.
    return found.union(*(files for files in named if files & found))
