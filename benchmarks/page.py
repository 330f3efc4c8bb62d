"""Fill docs/performance.md with what was measured: tables, and plots beside the page.

    python -m benchmarks.page

Reads ``benchmarks/results.json`` and ``benchmarks/results-gpu.json``. What stands between a line
``<!-- NAME: made by python -m benchmarks.page -->`` and ``<!-- end of NAME -->`` is written anew.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import drawing
from benchmarks.machine import ROOT, processor

PAGE = ROOT / "docs/performance.md"
RESULTS, GPU_RESULTS = ROOT / "benchmarks/results.json", ROOT / "benchmarks/results-gpu.json"
Json = Mapping[str, Any]
NAMES = {
    "limits": "The machine",
    "fisher": "Fisher spectra",
    "activations": "Activation functions",
    "training-step": "A training step",
    "training": "Training",
    "compiled-network": "Training, network compiled",
    "search": "Spaces and search",
    "workflow": "Around the work",
    "report": "The page",
    "libraries": "Other libraries",
    "beside": "Trainings side by side",
    "loading": "Images",
    "results": "The default experiment",
}
"""Titles of parts, in the order of the page."""
GROWTH = ("growth", "growth-functions", "growth-trials")


def main() -> None:
    """Write the page."""
    given = {path: json.loads(path.read_text()) for path in (RESULTS, GPU_RESULTS) if path.exists()}
    PAGE.write_text(
        filled(PAGE.read_text(), given.get(RESULTS), given.get(GPU_RESULTS), PAGE.parent)
    )


def filled(page: str, cpu: Json | None, gpu: Json | None, folder: Path) -> str:
    """The page with its tables; plots go to ``folder``.

    Raises:
        ValueError: when the page lacks a place for one of them, or sizes were tiny.
    """
    if any(results and results["tiny"] for results in (cpu, gpu)):
        raise ValueError("sizes were tiny, which measures nothing")
    made = {
        "machine": machine(cpu, "make bench"),
        "table": tables(cpu),
        "growth": growth(cpu, folder),
        "costs": costs(cpu, gpu, folder),
        "gpu-machine": machine(gpu, "make bench-gpu"),
        "gpu-table": tables(gpu),
    }
    for name, text in made.items():
        start, end = (
            f"<!-- {name}: made by python -m benchmarks.page -->",
            f"<!-- end of {name} -->",
        )
        before, found, rest = page.partition(start)
        _, ended, after = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"the page has no place for {name!r}: a line {start!r}, and {end!r}")
        page = f"{before}{start}\n{text.strip()}\n{end}{after}"
    return page


def machine(results: Json | None, command: str) -> str:
    """On what, with what, when."""
    if results is None:
        return f"Not measured yet: `{command}`."
    own, versions = results["machine"], results["versions"]
    said = [f"{own['cpu']}, {own['cores']} cores ({results['threads']} threads of torch), "
            f"{own['memory_gb']:g} GB"]  # fmt: skip
    if "gpu" in own:
        said.insert(0, f"{own['gpu']}, {own['gpu_memory_gb']:g} GB, CUDA {own['cuda']}")
    there = [f"{name} {version}" for name, version in versions.items()
             if version != "-" and name != "actsearch"]  # fmt: skip
    return (
        f"{'; '.join(said)}. {', '.join(there)}. Date and commit of each part are above its table, "
        "and the processor where it was another."
    )


def when(rows: Sequence[Json], usual: str) -> str:
    """Date and commit of rows that were measured together, and a processor that is not usual."""
    commits = dict.fromkeys(
        f"{row['date'][:10]}, {row['commit'].rstrip('+')[:10]}"
        f"{' with changes' if row['commit'].endswith('+') else ''}"
        f"{', on ' + row['processor'] if row.get('processor', usual) != usual else ''}"
        for row in rows
    )
    return "; ".join(commits)


def tables(results: Json | None) -> str:
    """A table per part."""
    if results is None:
        return ""
    rows = [row for row in results["rows"] if row["part"] not in GROWTH]
    order = [*NAMES, *sorted({row["part"] for row in rows} - set(NAMES))]
    texts, usual = [], processor(results["machine"])
    for part in order:
        if own := [row for row in rows if row["part"] == part]:
            texts.append(f"**{NAMES.get(part, part)}** ({when(own, usual)})\n\n{table(own)}")
    return "\n\n".join(texts)


def table(rows: Sequence[Json]) -> str:
    """Markdown; columns that no row fills are left out."""
    heads = ("what", "ours", "ratio", "beside", "of the limit", "goal", "more")
    lines = [cells(row) for row in rows]
    kept = [place for place in range(len(heads)) if any(line[place] for line in lines)]
    written = [[line[place] for place in kept] for line in (heads, ["---"] * len(heads), *lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in written)


def cells(row: Json) -> list[str]:
    """Of one row."""
    name = row["name"].replace("|", "\\|")
    if row["error"]:
        return [
            name,
            "not measured",
            "",
            row["error"].replace("\n", " ").replace("|", "\\|"),
            "",
            "",
            "",
        ]
    ratio = ""
    if row["ratio"] is not None:
        ratio = f"{figure(row['ratio'])} {row['ratio_of']}"
        ratio += f" (spread {figure(row['spread'])})" if row["spread"] else ""
    share = f"{row['share_of_limit']:.0%}" if row["share_of_limit"] is not None else ""
    return [
        name,
        amount(row["ours"], row["unit"]),
        ratio,
        row["against"],
        f"{share} of {row['limit_is']}" if share else "",
        goal(row),
        more(row["more"]),
    ]


SAID = {
    "turns": ("turns: {}", ""), "wall_minutes": ("{} minutes by the clock", ""),
    "quartile_low": ("quartiles {}", ""), "worst": ("worst {}", "worst_function"),
    "kept_bytes": ("{} bytes kept per number", ""), "memory_mb": ("{} MB", ""),
    "peak_mb": ("{} MB at most", ""), "names_a_second": ("{} names/s", ""),
    "images_a_second": ("{} images/s", ""), "seconds_an_epoch": ("{} s per epoch", ""),
    "seconds_a_trial": ("{} s per trial", "epochs"), "compiling_seconds": ("{} s to compile", ""),
    "ratio_of_cpu_seconds": ("ratio of CPU seconds {}", ""),
    "median_of_cpu_seconds": ("ratio of CPU seconds {}", ""),
    "cpu_seconds_ours": ("{} CPU s", ""), "jobs": ("{} jobs", ""),
    "functions_listed": ("{} functions", ""), "page_mb": ("{} MB", ""),
    "of_autograd": ("{} times as long as by autograd", ""),
    "slower": ("{} functions over 5% slower than by autograd", ""),
    "forward": ("the forward pass alone takes {} times SiLU's both", ""),
}  # fmt: skip
"""How further figures are written, and another that belongs to each."""


def more(found: Json) -> str:
    """Further figures in few words."""
    said = []
    for key, (form, other) in SAID.items():
        if key in found:
            text = form.format(figure(found[key]))
            if key == "quartile_low":
                text += f" to {figure(found['quartile_high'])}"
            if other in found:
                unit = " epochs" if other == "epochs" else ""
                text += f" (`{found[other]}`)" if not unit else f" of {found[other]}{unit}"
            said.append(text)
    said += [f"{key.removeprefix('share_')} {value:.0%}" for key, value in found.items()
             if key.startswith("share_")]  # fmt: skip
    return ", ".join(said)


def goal(row: Json) -> str:
    """And whether it was met."""
    met: bool | None = row["met"]
    return str(row["goal"]) + {None: "", True: ": met", False: ": **missed**"}[met]


def growth(results: Json | None, folder: Path) -> str:
    """A plot of all curves, and a table of their ends."""
    rows = [row for row in (results or {"rows": []})["rows"] if row["points"]]
    if not rows:
        return "Not measured yet: `python -m benchmarks growth growth-functions growth-trials`."
    drawing.growth(rows, folder / "performance-growth.svg")
    heads = ("what", "from", "to", "at the end", "memory", "exponent", "goal")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        (first, _), (last, spent) = row["points"][0], row["points"][-1]
        memory, exponent = row["more"].get("memory_mb"), row["more"].get("exponent")
        lines.append(
            f"| {row['name']} | {first:,.0f} | {last:,.0f} {row['points_of']} | "
            f"{amount(spent, row['unit'])} | {f'{memory:,.0f} MB' if memory else ''} | "
            f"{'' if exponent is None else f'{exponent:.2f}'} | {goal(row)} |"
        )
    return "![Growth](performance-growth.svg)\n\n" + "\n".join(lines)


def costs(cpu: Json | None, gpu: Json | None, folder: Path) -> str:
    """A plot of what functions cost, eager and compiled, wherever it was measured."""
    rows = {
        f"{device}, {'compiled' if 'compiled' in row['name'] else 'eager'}": row
        for device, results in (("CPU", cpu), ("GPU", gpu))
        for row in (results or {"rows": []})["rows"]
        if row["more"].get("each")
    }
    if not rows:
        return ""
    drawing.costs(rows, folder / "performance-functions.svg")
    return "![What functions cost](performance-functions.svg)"


def amount(value: float | None, unit: str) -> str:
    """With a unit that fits its size."""
    if value is None:
        return ""
    if unit in ("s", "s of CPU") and value < 0.1:
        scale, short = (1e6, "us") if value < 1e-4 else (1e3, "ms")
        return f"{figure(value * scale)} {unit.replace('s', short, 1)}"
    return f"{figure(value)} {unit}"


def figure(value: float) -> str:
    """Three digits, and all of a whole number's."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


if __name__ == "__main__":
    main()
