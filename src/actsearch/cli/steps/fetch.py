"""Command: fetch."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from actsearch.cli.app import app
from actsearch.cli.options import ConfigFile
from actsearch.cli.progress import counter, say
from actsearch.cli.recording import execution, load
from actsearch.config import Config, ConfigError, Data
from actsearch.config.base import known
from actsearch.data.sources.folders import left_out_lines
from actsearch.data.sources.manifests import contents_digest
from actsearch.data.sources.places import Place, place_of
from actsearch.plan.environment import DEFAULT_CONFIG
from actsearch.records.formats import shown, write_json
from actsearch.records.provenance import Execution

if TYPE_CHECKING:
    from actsearch.data.fetching import Fetched


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
    """Download a data set unless it is there already, and record what it holds.

    Run it where there is internet: on a cluster, on the login node. Data that differ from those
    first used are an error; an image folder is described again instead.
    """
    from actsearch.data.fetching import check_images
    from actsearch.data.fetching import fetch as bring
    from actsearch.data.sources.kinds import levels_of
    from actsearch.data.sources.manifests import check_sizes

    settings = load(config)
    places = _places(settings)
    name = _entry(settings, places, name, out)
    place, data = places[name], settings.data[name]
    if checksums and not data.of_files:
        raise ConfigError(f"--checksums goes with image files; those of {name!r} are always read")
    record = execution("fetch", settings, data=name)
    found = bring(data, place, say, counter(f"reading {name}"))
    used = {task.data for task in settings.tasks.values()}
    for entry in {name} | {other for other in used if places.get(other) == place}:
        check_sizes(settings.data[entry], found.manifest)
        levels_of(settings.data[entry], found.manifest.get("kinds", {}))
    if checksums:  # before anything is written: what they are compared with must stand
        n = check_images(data, place, counter(f"reading {name}"))
        say(f"{n:,} images: as in {place.folder}/checksums.sha256")
    _write(data, place, found, record, compared=checksums)
    _tell(name, data, place, found)


def _write(data: Data, place: Place, found: Fetched, record: Execution, *, compared: bool) -> None:
    """Write the manifest, where there is none or that of an image folder is of other images.

    What was made of the older images goes; but not checksums that were just ``compared``.
    """
    from actsearch.data.fetching import forget_older
    from actsearch.data.sources.manifests import difference, read_manifest, refuse_changed

    told = None
    if place.manifest.is_file():
        then = read_manifest(place)
        if not data.source.startswith("folder:"):
            refuse_changed(place, then, found.manifest)
        told = difference(then, found.manifest)
        if told is None and then.keys() >= found.manifest.keys():
            found.keep(place)
            say(f"{place.manifest} is up to date and is kept")
            return
        say(f"{place.manifest} is written again: {told or 'digests of contents are new'}")
    facts: dict[str, Any] = {}
    if found.listing and data.source.startswith("folder:"):
        left = found.listing.left_out.items()
        facts["left_out"] = {reason: asdict(files) for reason, files in left}
        facts["data"] = {shown(found.listing.root): contents_digest(found.manifest)}
    write_json(place.manifest, found.manifest, record.block(**facts))
    if told is not None:
        forget_older(place, checksums=not compared)
    found.keep(place)


def _tell(name: str, data: Data, place: Place, found: Fetched) -> None:
    from actsearch.data.sources.kinds import notes_of

    if found.listing:
        lines = [*found.listing.notes, *left_out_lines(found.listing)]
        for line in [*lines, *notes_of(data, found.manifest["kinds"])]:
            say(f"  {line}")
    counts = ", ".join(f"{count:,} {part}" for part, count in found.manifest["examples"].items())
    classes = len(found.manifest["classes"])
    of = f" in {classes} classes" if classes else ""  # there are none of numbers
    say(f"{name}: {counts} examples{of}, {place.folder}")


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
