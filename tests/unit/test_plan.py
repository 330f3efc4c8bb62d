"""An experiment as files: counts, paths, resources, and what targets are made from."""

from __future__ import annotations

import copy
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_experiment import SMALL

from actsearch.config import Final, Resources, Search, parse_config
from actsearch.plan import counts, layout
from actsearch.plan.environment import (
    CONFIG_VARIABLE,
    SNAKEFILE_VARIABLE,
    command_prefix,
    configuration_file,
    one_of,
    plain,
)
from actsearch.plan.experiment import Plan, rule_name
from actsearch.plan.resources import Site, training_threads
from actsearch.plan.wanted import wanted


def planned(**tasks: dict[str, Any]) -> Plan:
    """A plan of the small experiment, with other tasks besides."""
    config = copy.deepcopy(SMALL)
    config["tasks"] |= tasks
    return Plan(parse_config(config))


TRANSFER = {
    **{k: v for k, v in SMALL["tasks"]["tiny"].items() if k not in ("benchmark", "search")},
    "final": {"functions": 2, "candidates_from": ["tiny"], "seeds": [7, 8, 9]},
}


@given(st.lists(st.integers()), st.integers(1, 9))
def test_packs_hold_all_items_in_order(items: list[int], size: int) -> None:
    packs = counts.packs(items, size)
    assert [item for pack in packs for item in pack] == items
    assert all(1 <= len(pack) <= size for pack in packs)
    assert all(len(pack) == size for pack in packs[:-1])


def test_slots_and_rounds_are_counted_from_the_baselines_on() -> None:
    search = Search(space="deep", rounds=2, slots=3)
    assert [len(counts.search_slots(search, r)) for r in counts.search_rounds(search)] == [8, 3, 3]
    assert counts.search_size(search) == 14
    assert len(counts.final_slots(Final(functions=2, seeds=(1, 2)))) == 10
    two = Final(functions=2, seeds=(1, 2), candidates_from=("a", "b"))
    assert len(counts.final_slots(two)) == 12
    assert [len(counts.fim_parts(n, 16)) for n in (1, 16, 17, 32)] == [1, 1, 2, 2]


def test_trainings_are_those_whose_files_are_planned() -> None:
    plan = planned(moved=TRANSFER)
    task = plan.tasks["tiny"]
    split = (200, 200, 200)
    table, search, final = counts.trainings(task, plan.space_size("small"), *split)
    assert (table.kind, table.functions, table.runs) == ("table", 24, 2)
    assert len(plan.trial_files("tiny")) == table.functions
    strategies = plan.search("tiny").strategies
    files = [path for s in strategies for path in plan.all_rounds("tiny", s)["trials"]]
    assert len(files) == search.functions == 14 * len(strategies)
    assert len(plan.final_trials("tiny")) == final.functions == 10
    assert (table.fitted, table.measured, final.fitted, final.measured) == (200, 200, 400, 200)
    (moved,) = counts.trainings(plan.tasks["moved"], 0, *split)
    assert (moved.kind, moved.functions, moved.runs, moved.fitted) == ("final", 10, 3, 200)
    assert counts.trained_besides_baselines(task, 24) == 16 + 6
    assert sum(len(files) for _, files in plan.trial_packs("tiny")) == 24


def test_earlier_rounds_are_those_before() -> None:
    plan = planned()
    assert plan.earlier_rounds("tiny", "random", 0) == {"proposals": [], "trials": []}
    one = plan.earlier_rounds("tiny", "random", 1)
    assert one["proposals"] == ["results/tiny/search/random/round-0/proposals.csv"]
    assert one["trials"][-1] == "results/tiny/search/random/round-0/07.json"
    assert len(plan.all_rounds("tiny", "random")["trials"]) == 8 + 3 + 3


def test_paths_are_those_that_others_rely_on() -> None:
    assert layout.functions("s") == "results/spaces/s/functions.parquet"
    assert layout.outputs("s") == "results/spaces/s/outputs.npy"
    assert layout.trial("t", "mul.relu.x.x") == "results/t/trials/mul.relu.x.x.json"
    assert layout.table("t") == "results/t/benchmark.parquet"
    assert layout.exported_table("t") == "results/t/benchmark.json"
    assert layout.fim_part("t", "", 3) == "results/t/fim/part-3.npz"
    assert (
        layout.fim_part("{task}", "{scope}", "{part}")
        == "results/{task}/{scope}fim/part-{part}.npz"
    )
    assert layout.map_file("t", layout.SEARCH_SCOPE) == "results/t/search/map.parquet"
    assert layout.surrogate("t") == "results/t/surrogate.parquet"
    assert layout.simulation("t", "random") == "results/t/simulation/random.parquet"
    assert layout.proposals("t", "r", 1) == "results/t/search/r/round-1/proposals.csv"
    assert layout.search_trials("t", "r", 1, [2]) == ["results/t/search/r/round-1/02.json"]
    assert layout.final("t") == "results/t/final.json"
    assert layout.final_activation("t") == "results/t/final_activation.py"
    assert layout.public_table("data", "cnn") == "data/act-bench/act-bench-cnn.json"
    assert layout.is_result("results/a") and not layout.is_result("data/results/a")


def test_a_job_on_the_cpu_asks_for_more_memory_at_each_attempt() -> None:
    asked = Site().cpu_job(4000, 60)
    memory = asked.pop("mem_mb")
    assert [memory(None, attempt) for attempt in (1, 2)] == [4000, 8000]
    assert asked == {"runtime": 60}
    site = Site(cpu_partition="short", gpu_model="a100")
    further = {k: v for k, v in site.cpu_job(1, 1).items() if k not in ("mem_mb", "runtime")}
    assert further == {"slurm_partition": "short", "gpu_model": ""}


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ({"gpu": 1}, {"gpu": 1}),
        ({"gpu": 4, "processes": 4}, {"gpu": 4, "nodes": 1}),
        (
            {"gpu": 8, "processes": 8, "nodes": 2},
            {"nodes": 2, "gres": "gpu:a100:4", "gpu_model": ""},
        ),
        ({"processes": 2, "nodes": 2}, {"nodes": 2, "tasks": 2, "gpu_model": ""}),
    ],
)
def test_a_training_asks_for_its_gpus(wanted: dict[str, int], asked: dict[str, Any]) -> None:
    resources = Resources(threads=3, **wanted)
    found = Site(gpu_model="a100").training_job(resources)
    assert {k: v for k, v in found.items() if k not in ("mem_mb", "runtime")} == asked
    assert training_threads(resources) == 3 * resources.processes // resources.nodes
    one = Site(gpu_model="a100").fim_job(resources)
    assert one.get("gpu", 0) == min(resources.gpu, 1) and "gres" not in one


def test_targets_name_their_tasks_and_data() -> None:
    plan = planned(moved=TRANSFER, **{"a-b": SMALL["tasks"]["tiny"]})
    every = ["a-b", "moved", "tiny"]
    for targets, tasks in (
        (["all"], every),
        (["results/report.html"], every),
        (["results/tiny/map.parquet"], ["tiny"]),
        (["./results/tiny//map.parquet"], ["tiny"]),
        ([rule_name("fim", "a-b")], ["a-b"]),
        ([rule_name("train", "tiny", 0)], ["tiny"]),
        (["results/moved/final.json"], ["moved", "tiny"]),
        (["logs/tiny/map.log"], []),
        (["fetch_data"], []),
    ):
        assert wanted(plan, targets)[0] == tasks, targets
    assert wanted(plan, ["results/tiny/map.parquet"])[1] == ["digits"]
    config = copy.deepcopy(SMALL)
    config["data"]["digits"] |= {"source": "torchvision:MNIST"}
    fetched = Plan(parse_config(config))
    (manifest,) = fetched.manifests
    for target in (manifest, rule_name("fetch", "MNIST")):
        assert wanted(fetched, [target]) == ([], ["digits"])


def test_a_configuration_is_named_or_written_under_its_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("config.yaml").write_text(yaml.safe_dump(SMALL))
    told = configuration_file(SMALL, ["config.yaml"], str(tmp_path / "Snakefile"))
    assert told == {CONFIG_VARIABLE: "config.yaml", SNAKEFILE_VARIABLE: "Snakefile"}
    other = SMALL | {"license": "MIT"}
    names = {configuration_file(other, ["config.yaml"], "S")[CONFIG_VARIABLE] for _ in range(2)}
    (name,) = names
    assert re.fullmatch(r"\.snakemake/config/[0-9a-f]{16}\.yaml", name)
    assert yaml.safe_load(Path(name).read_text()) == other


def test_commands_find_what_they_were_told_whatever_it_is_called() -> None:
    told = {"A_PATH": "it's a 'config'.yaml"}
    command = f"{command_prefix(told)} printenv A_PATH; which python"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    first, second = done.stdout.splitlines()
    assert first == told["A_PATH"]
    assert Path(second).parent == Path(sys.executable).parent
    assert shlex.split(command)[0] == "set"


def test_names_become_patterns_and_ordered_dictionaries_plain_ones() -> None:
    assert re.fullmatch(one_of(["a.b", "c"]), "a.b") and not re.fullmatch(one_of(["a.b"]), "axb")
    assert not re.match(one_of([]), "")

    class Ordered(dict):  # type: ignore[type-arg]
        pass

    found = plain(Ordered(a=[Ordered(b=1)]))
    assert type(found) is dict and type(found["a"][0]) is dict
