"""Command: history."""

from __future__ import annotations

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile, Out, ProposalFiles, TaskName, TrialFiles
from actsearch.cli.recording import execution, load
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import read_csv, read_json, write_table


@app.command()
def history(
    task: TaskName,
    out: Out,
    trials: TrialFiles,
    proposals: ProposalFiles = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Gather the trials of a live search into one table."""
    from actsearch.search.history import build_history, join_rounds

    record = execution("history", load(config), task, inputs=[*(proposals or []), *trials])
    rounds = {str(path): read_csv(path) for path in proposals or []}
    write_table(out, build_history(join_rounds(rounds, map(read_json, trials))), record.block())
