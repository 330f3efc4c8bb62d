"""What jobs ask a cluster for: literal numbers for each kind of job and of site."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from small_experiment import SMALL

from actsearch.config import Resources, parse_config
from actsearch.plan.experiment import Plan
from actsearch.plan.resources import Site, training_threads

BARE = Site()
PARTS = Site(cpu_partition="cpu")
MODELS = Site(cpu_partition="cpu", gpu_model="h100")


def asked(job: dict[str, Any], attempt: int = 1) -> dict[str, Any]:
    """A job's resources, as Snakemake evaluates them."""
    return {
        name: value(None, attempt=attempt) if callable(value) else value
        for name, value in job.items()
    }


@pytest.mark.parametrize(
    "site, more",
    [
        (BARE, {}),
        (PARTS, {"slurm_partition": "cpu"}),
        (Site(gpu_model="h100"), {"gpu_model": ""}),
        (MODELS, {"slurm_partition": "cpu", "gpu_model": ""}),
        (Site(cpu_partition="", gpu_model=""), {}),
    ],
)
def test_a_job_without_a_gpu(site: Site, more: dict[str, Any]) -> None:
    expected = {"mem_mb": 4000, "runtime": 60} | more
    assert asked(site.cpu_job(4000, 60)) == expected
    assert asked(site.gpu_job(0, 4000, 60)) == expected


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_memory_grows_at_every_attempt_and_minutes_do_not(attempt: int) -> None:
    for job in (
        MODELS.cpu_job(4000, 60),
        MODELS.gpu_job(1, 4000, 60),
        BARE.gpu_job(4, 4000, 60, 2),
    ):
        again = asked(job, attempt)
        assert (again["mem_mb"], again["runtime"]) == (4000 * attempt, 60)


@pytest.mark.parametrize("site", [BARE, PARTS, MODELS])
@pytest.mark.parametrize(
    "gpu, more", [(1, {"gpu": 1}), (2, {"gpu": 2, "nodes": 1}), (8, {"gpu": 8, "nodes": 1})]
)
def test_gpus_of_one_node(site: Site, gpu: int, more: dict[str, Any]) -> None:
    assert asked(site.gpu_job(gpu, 4000, 60)) == {"mem_mb": 4000, "runtime": 60} | more


@pytest.mark.parametrize("site, gres", [(BARE, "gpu:4"), (PARTS, "gpu:4"), (MODELS, "gpu:h100:4")])
def test_gpus_of_several_nodes_are_counted_on_each(site: Site, gres: str) -> None:
    assert asked(site.gpu_job(8, 4000, 60, nodes=2)) == {
        "mem_mb": 4000,
        "runtime": 60,
        "nodes": 2,
        "gres": gres,
        "gpu_model": "",
    }


def test_several_nodes_without_gpus_are_a_task_each() -> None:
    nodes = {"mem_mb": 4000, "runtime": 60, "nodes": 3, "tasks": 3}
    assert asked(BARE.gpu_job(0, 4000, 60, nodes=3)) == nodes
    there = {"slurm_partition": "cpu", "gpu_model": ""}
    assert asked(MODELS.gpu_job(0, 4000, 60, nodes=3)) == nodes | there


def test_a_training_job_asks_for_what_stands_with_its_task() -> None:
    wanted = Resources(processes=8, nodes=2, gpu=8, mem_mb=32000, runtime=600, threads=3)
    assert asked(MODELS.training_job(wanted), attempt=2) == {
        "mem_mb": 64000,
        "runtime": 600,
        "nodes": 2,
        "gres": "gpu:h100:4",
        "gpu_model": "",
    }
    assert training_threads(wanted) == 12


@pytest.mark.parametrize(
    "wanted, threads",
    [
        (Resources(threads=1), 1),
        (Resources(threads=4), 4),
        (Resources(threads=4, processes=2), 8),
        (Resources(threads=4, processes=2, nodes=2), 4),
    ],
)
def test_cores_are_those_of_the_processes_on_a_node(wanted: Resources, threads: int) -> None:
    assert training_threads(wanted) == threads


def test_spectra_take_one_gpu_at_most_and_four_hours() -> None:
    four = Resources(processes=4, gpu=4, mem_mb=9000, runtime=600)
    assert asked(MODELS.fim_job(four)) == {"mem_mb": 9000, "runtime": 240, "gpu": 1}
    none = Resources(mem_mb=9000, runtime=600)
    assert asked(PARTS.fim_job(none)) == {
        "mem_mb": 9000,
        "runtime": 240,
        "slurm_partition": "cpu",
    }


def test_measuring_takes_one_gpu_at_most_and_four_hours() -> None:
    four = Resources(processes=4, gpu=4, mem_mb=9000, runtime=600)
    assert asked(MODELS.costs_job(four)) == {"mem_mb": 9000, "runtime": 240, "gpu": 1}
    there = {"slurm_partition": "cpu"}
    assert asked(PARTS.costs_job(Resources())) == {"mem_mb": 2000, "runtime": 240} | there


def test_a_job_for_a_space_asks_for_as_much_as_any_task_that_uses_it() -> None:
    values = copy.deepcopy(SMALL)
    tiny = values["tasks"]["tiny"]
    values["spaces"]["alone"] = {"schemas": ["unary(x)"]}
    table = {key: value for key, value in tiny.items() if key not in ("search", "final")}
    gpus = {"resources": {"gpu": 2, "processes": 2, "mem_mb": 9000, "threads": 4}}
    values["tasks"]["large"] = table | gpus
    plan = Plan(parse_config(values))
    assert plan.space_resources("small") == Resources(gpu=1, mem_mb=9000)
    assert plan.space_resources("deep") == plan.space_resources("alone") == Resources()


@pytest.mark.parametrize(
    ("source", "runtime", "minutes"),
    [("loader:load", 90, 180), ("loader:load", 10, 60), ("folder:images", 90, 60)],
)
def test_a_function_of_the_users_is_given_the_time_to_be_called_twice(
    source: str, runtime: int, minutes: int
) -> None:
    values = copy.deepcopy(SMALL)
    values["data"]["digits"]["source"] = source
    if source.startswith("folder:"):
        values["data"]["digits"] |= {"image_size": 32, "in_memory": False}
    tiny = values["tasks"]["tiny"]
    tiny["resources"] = tiny.get("resources", {}) | {"runtime": runtime}
    assert Plan(parse_config(values)).fetch_minutes("digits") == minutes
