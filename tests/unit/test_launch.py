"""The command that starts several processes."""

from __future__ import annotations

import os
import sys
from typing import Any

import pytest

from actsearch.cli import launch
from actsearch.config import ConfigError, Resources

ARGUMENTS = ["train", "--task", "tiny", "relu.x.json"]


def test_one_node_is_torchrun() -> None:
    assert launch.launch_command(Resources(processes=4, gpu=4, threads=3), ARGUMENTS, None) == [
        sys.executable,
        *("-m", "actsearch.cli.torchrun", "--nproc-per-node", "4", "--standalone"),
        *("-m", "actsearch.cli", *ARGUMENTS),
    ]


@pytest.mark.parametrize("gpu", [0, 8])
def test_several_nodes_are_an_srun_of_torchruns(gpu: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "_free_endpoint", lambda: "node-7:29400")
    resources = Resources(processes=8, nodes=2, threads=3, gpu=gpu)
    command = launch.launch_command(resources, ARGUMENTS, "41")
    assert command == [
        *("srun", "--jobid", "41", "--overlap", "--kill-on-bad-exit=1"),
        *("--nodes", "2", "--ntasks", "2", "--ntasks-per-node", "1", "--cpus-per-task", "12"),
        *(("--gpus-per-node", "4") if gpu else ()),
        *(sys.executable, "-m", "actsearch.cli.torchrun", "--nproc-per-node", "4"),
        *("--nnodes", "2", "--rdzv-backend", "c10d", "--rdzv-endpoint", "node-7:29400"),
        *("--rdzv-id", "41", "-m", "actsearch.cli", *ARGUMENTS),
    ]


def test_several_nodes_need_a_slurm_job() -> None:
    with pytest.raises(ConfigError, match=r"resources\.nodes is 2, but this is not a SLURM job"):
        launch.launch_command(Resources(processes=2, nodes=2), ARGUMENTS, None)


def test_the_endpoint_is_a_port_of_this_machine() -> None:
    host, _, port = launch._free_endpoint().partition(":")
    assert host and 0 < int(port) < 65536


@pytest.mark.parametrize("nodes", [1, 2])
def test_the_command_takes_the_place_of_this_process(
    nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Any] = []
    monkeypatch.setattr(os, "execvpe", lambda *call: started.append(call))
    monkeypatch.setattr(launch, "_free_endpoint", lambda: "node-7:29400")
    step = {"SLURM_JOB_ID": "41", "SLURM_NTASKS": "1", "SLURM_CONF": "/etc/slurm/slurm.conf"}
    for name, value in (step | {"OMP_NUM_THREADS": "1"}).items():
        monkeypatch.setenv(name, value)
    resources = Resources(processes=2, nodes=nodes, threads=3)
    launch.launch(resources, ARGUMENTS)
    ((file, command, environment),) = started
    assert command == launch.launch_command(resources, ARGUMENTS, "41")
    assert file == command[0]
    assert environment["OMP_NUM_THREADS"] == "3"
    # srun would take the step's variables for options.
    kept = {"SLURM_CONF"} if nodes > 1 else set(step)
    assert {name for name in environment if name.startswith("SLURM_")} == kept


def test_torchrun_says_who_it_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    assert not launch.launched()
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("RANK", "1")
    assert launch.launched()
