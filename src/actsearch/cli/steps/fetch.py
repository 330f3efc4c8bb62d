"""Command: fetch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile
from actsearch.cli.progress import counter, say
from actsearch.cli.recording import execution, load
from actsearch.config import Config, ConfigError
from actsearch.config.base import known
from actsearch.data.sources.places import Place, place_of
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import write_json


@app.command()
def fetch(
    name: Annotated[
        str | None, typer.Option("--data", help="An entry of the configuration's data.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Or the manifest of one, or of several of one source.")
    ] = None,
    checksums: Annotated[
        bool, typer.Option("--checksums", help="Read every image: note its checksum, or compare.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Download a data set, where it is not there yet, and write down what it holds.

    Run it where there is internet: on a cluster, on the login node. Other data than were first used
    are an error.
    """
    from actsearch.data.fetching import check_images
    from actsearch.data.fetching import fetch as bring
    from actsearch.data.sources.manifests import check_sizes, read_manifest, refuse_changed

    settings = load(config)
    places = _places(settings)
    name = _entry(settings, places, name, out)
    place, data = places[name], settings.data[name]
    if checksums and not data.of_files:
        raise ConfigError(f"--checksums goes with image files; those of {name!r} are always read")
    record = execution("fetch", settings, data=name)
    manifest = bring(data, place, say)
    used = {task.data for task in settings.tasks.values()}
    for entry in {name} | {other for other in used if places.get(other) == place}:
        check_sizes(settings.data[entry], manifest)
    if place.manifest.is_file():
        refuse_changed(place, read_manifest(place), manifest)
        say(f"{place.manifest} stands and is kept")
    else:
        write_json(place.manifest, manifest, record.block())
    if checksums:
        n = check_images(data, place, counter(f"reading {name}"))
        say(f"{n:,} images: as in {place.folder}/checksums.sha256")
    counts = ", ".join(f"{count:,} {part}" for part, count in manifest["examples"].items())
    say(f"{name}: {counts} examples in {len(manifest['classes'])} classes, {place.folder}")


def _places(config: Config) -> dict[str, Place]:
    """Where the data sets that are fetched lie, by the names of their entries."""
    places = {name: place_of(data, config.data_folder) for name, data in config.data.items()}
    return {name: place for name, place in places.items() if place is not None}


def _entry(config: Config, places: dict[str, Place], name: str | None, out: Path | None) -> str:
    """The entry that is asked for by name, or the first with the manifest ``out``."""
    if name is None:
        if out is None:
            raise ConfigError("give --data, an entry of the configuration's data, or --out")
        for found in sorted(places):
            if out.absolute() == places[found].manifest.absolute():
                return found
        manifests = sorted({str(place.manifest) for place in places.values()})
        raise ConfigError(f"--out {out}: no manifest of these data; {', '.join(manifests)}")
    try:
        known(name, config.data, "data")
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if name not in places:
        raise ConfigError(f"data {name!r} ({config.data[name].source}) need no fetching")
    if out is not None and out.absolute() != places[name].manifest.absolute():
        raise ConfigError(f"--out {out}: the manifest of data {name!r} is {places[name].manifest}")
    return name
