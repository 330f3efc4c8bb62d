"""What commands execute, against what their digests of code cover."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from actsearch.config import load_config
from actsearch.plan.dependencies import step_modules
from actsearch.plan.steps import STEPS
from actsearch.records.code import reached_modules

TRACER = Path(__file__).parent / "tracer"
TRACES = "ACTSEARCH_TRACE_TO"
"""Names the folder of traces, in the environment of commands that are forked."""

# What a command may call outside of its step's digest: single functions and classes, since a line
# that computes would have a place in any module of which all was allowed.
CARRIERS = {
    "reads the configuration, whose values are in the digest of settings": {
        "config.base": "Model _class_name _module _pattern _unique_seeds is_module is_word known "
        "named_source require_path unique",
        "config.baselines": "_baselines",
        "config.data": "Data _none _source check_split",
        "config.experiment": "Config _folder _tell_apart",
        "config.loading": "load_config parse_config",
        "config.plain": "_items _problem _problem_of_text closest join require_plain show",
        "config.reading": "_Loader _constructed _decoded _joined _null _number _problem_of_number "
        "_read_as _text parse_values read_values",
        "config.recipes": "Augmentation Recipe",
        "config.spaces": "Space _schema",
        "config.stages": "Stage _of_a_recipe changed_recipe check_stage_seeds check_stage_sizes",
        "config.strategies": "named_strategy",
        "plan.counts": "final_baselines stage_baselines",
        "config.tasks": "Benchmark Final Fisher Task _model _none _of_library _plain",
        "cli.recording": "load",
    },
    "makes the record, and the digests in it": {
        "cli.recording": "execution require_same_code",
        "plan.dependencies": "operator_digests space_operators task_spaces",
        "plan.layout": "is_result",
        "plan.made": "_any_step _inside _match _pattern is_made may_be_made step_makes",
        "plan.settings": "chosen_task task_section",
        "plan.steps": "is_watching step_called",
        "records.provenance": "Execution _agent cpu_model _git _named _repository _slurm _text "
        "environment lock_digest now says",
        "records.code": "_import_graph _is_carrier _kept _makes_command _module_digest _own_source "
        "_with_templates _without_docstrings _without_options module_digests reached_modules "
        "source_digest",
        "records.kept": "KeptDigests",
        "records.digests": "canonical_json digest_bytes digest_file digest_parts joined "
        "settings_digest",
        "records.embedded": "ShapeError input_digest is_intact read_provenance",
        "records.blocks": "_check_plain _check_text _schema check_block",
        "records.seals": "_digest_of_file _fill is_sealed is_unaltered placeholders seal sealed",
    },
    "reads and writes files, whole or not at all": {
        "records.files": "copy_file kind_of readable require_file shown writable written_beside",
        "records.shipped": "is_shipped",
        "records.folders": "_holds _kind entries_under",
        "records.names": "_escape printable printable_name",
        "records.formats.csv_files": "_digest _provenance read_csv write_csv",
        "records.formats.format": "<lambda> as_text holds is_large text_format",
        "records.formats.html_files": "write_html",
        "records.formats.json_files": "<lambda> _digest _provenance _split _write_object "
        "may_hold_provenance object_text read_json write_entries write_json",
        "records.formats.npy_files": "_digest _provenance read_array write_array",
        "records.formats.npz_files": "_digest _provenance read_arrays write_arrays",
        "records.formats.parquet_files": "_column_bytes _digest _provenance read_arrow read_table "
        "write_table",
        "records.formats.python_files": "read_python write_python",
        "records.formats": "content_digest",
        "records.packs": "Pack _job_started",
        "records.checkpoints": "CheckpointFile",
        "records.lineage": "Artifact _sharing files_under is_hidden read_all read_artifact "
        "read_artifacts",
        "records.differences": "flat",
    },
    "rehearses a task: refuses, or changes nothing": {
        "rehearsal.examples": "made_up stand_ins",
        "rehearsal.hidden": "HiddenCalls KnownCalls _place",
        "rehearsal.network": "_Seen _back _outputs _recurrent _refuse_complex _refuse_recipe "
        "_refuse_unused _watched check_network",
        "rehearsal.operators": "check_operators",
        "rehearsal.spectra": "_FewOutputs _are_same _factor_bytes _layers _memory _refuse_wide "
        "_spectra rehearse_spectra",
        "rehearsal.training": "_Stopping _Work _are_same _try rehearse_training",
        "rehearsal.whole": "fitted_and_measured",
    },
    "sorts files by what options call them, and finds their folder": {
        "cli.options": "by_key",
        "cli.arguments": "results_folder",
    },
    "finds modules, as Python does": {
        "records.search_path": "UsersOwnProcesses _Finder _FromSource _is_packaged home "
        "working_folder_last",
    },
    "tells people": {
        "cli.progress": "console counter say track",
        "plan.space_checks": "of_space",
    },
}


@dataclass(frozen=True)
class Trace:
    """One command: its words after ``actsearch``, and what it called."""

    arguments: tuple[str, ...]
    called: tuple[tuple[str, str], ...]
    """Module and name of each function."""

    @property
    def step(self) -> str:
        """The step that the command makes."""
        final = self.arguments[0] == "train" and "--final" in self.arguments
        of_command = {s.words[0]: name for name, s in STEPS.items() if len(s.words) == 1}
        return "train-final" if final else of_command[self.arguments[0]]

    @property
    def task(self) -> str | None:
        """The task that is named."""
        return self._after("--task")

    @property
    def strategy(self) -> str | None:
        """The strategy that is named."""
        return self._after("--strategy")

    def _after(self, option: str) -> str | None:
        words = self.arguments
        return words[words.index(option) + 1] if option in words else None

    @property
    def modules(self) -> set[str]:
        """Modules of which something was called."""
        return {module for module, _ in self.called}


def environment(folder: Path, sources: str = "") -> dict[str, str]:
    """Variables under which commands that are started are traced; traces go into ``folder``."""
    given = [str(TRACER), sources, os.environ.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, given))
    return {TRACES: str(folder), "PYTHONPATH": path}


def read_traces(folder: Path) -> list[Trace]:
    """All traces in a folder."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return [Trace(tuple(t["arguments"]), tuple(map(tuple, t["called"]))) for t in found]


def covered(folder: Path, trace: Trace) -> list[str]:
    """Modules of ours in the digest of a command's step, by the configuration in ``folder``."""
    config = load_config(folder / "config.yaml")
    modules = step_modules(trace.step, config, trace.task, trace.strategy)
    return reached_modules(name for name in modules if name.startswith("actsearch."))


def uncovered(trace: Trace, covered: Iterable[str]) -> list[str]:
    """Functions that were called outside the modules ``covered`` by a digest, and carry nothing."""
    known = set(covered)
    return [
        f"{module}:{name}"
        for module, name in trace.called
        if module not in known and not _is_carrier(module, name.split(".")[0])
    ]


def _is_carrier(module: str, function: str) -> bool:
    return any(
        function in named.get(module.removeprefix("actsearch."), "").split()
        for named in CARRIERS.values()
    )
