"""Command: fetch-act-bench."""

from __future__ import annotations

from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import Out
from actsearch.cli.progress import counter, say
from actsearch.config import ACT_BENCH_TABLES, ConfigError
from actsearch.plan.steps import STEPS
from actsearch.records.formats import write_json
from actsearch.records.provenance import Execution


@app.command("fetch-act-bench")
def fetch_act_bench(
    name: Annotated[str, typer.Argument(help=f"{', '.join(ACT_BENCH_TABLES)}.")],
    out: Out,
    address: Annotated[str | None, typer.Option(help="A mirror's address of the file.")] = None,
) -> None:
    """Download a public Act-Bench file, and record its SHA-256.

    A file that is there already is not fetched again, but compared with its record.
    """
    from actsearch.benchmark.act_bench.download import PUBLIC, fetch, record_path

    if name not in PUBLIC:
        raise ConfigError(f"no public Act-Bench table {name!r}; allowed: {', '.join(PUBLIC)}")
    record = Execution("fetch-act-bench", code=[STEPS["fetch-act-bench"].module])
    say(f"{out} is there already" if out.is_file() else f"fetching {address or PUBLIC[name]}")
    found = fetch(address or PUBLIC[name], out, counter(f"bytes of {out.name}"))
    if found is None:
        say(f"{out}: its SHA-256 is the one that was recorded")
        return
    write_json(record_path(out), {"file": out.name, **found}, record.block())
    say(f"{out}: SHA-256 {found['sha256']} recorded, {found['bytes']:,} bytes")
