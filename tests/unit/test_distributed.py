"""Two processes on one batch against one process on all of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import Any

import distributed_worker as worker
import pytest
import torch

from actsearch.config import Recipe, Resources, Task
from actsearch.training import distributed

Looks = list[dict[str, Any]]


@pytest.fixture(scope="module")
def alone() -> dict[str, Any]:
    with torch.random.fork_rng(devices=[]):
        return worker.looks()


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Looks:
    """What each of two processes saw."""
    folder = tmp_path_factory.mktemp("looks")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    place["TORCH_CPP_LOG_LEVEL"] = "ERROR"
    command = [sys.executable, worker.__file__, str(folder)]
    running = [
        subprocess.Popen(command, env={**os.environ, **place, "RANK": str(rank)})
        for rank in range(2)
    ]
    assert [process.wait(120) for process in running] == [0, 0]
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_gradients_of_unequal_shares_are_those_of_the_batch(
    alone: dict[str, Any], together: Looks
) -> None:
    for seen in together:
        for ours, whole in zip(seen["gradients"], alone["gradients"], strict=True):
            torch.testing.assert_close(ours, whole, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("how", ["trained", "adamw", "changed", "cut", "one"])
def test_training_is_the_same_up_to_rounding(
    how: str, alone: dict[str, Any], together: Looks
) -> None:
    first, second = (seen[how] for seen in together)
    assert torch.equal(first["weights"], second["weights"])
    assert first["epochs"] == alone[how]["epochs"] == 3
    torch.testing.assert_close(first["weights"], alone[how]["weights"], atol=1e-5, rtol=1e-4)
    start = worker.flat(worker.network())
    assert (first["weights"] - start).abs().max() > 0.01


def test_positions_that_do_not_count_weigh_nothing_in_either_share(
    alone: dict[str, Any], together: Looks
) -> None:
    """Shares of a batch hold different numbers of positions that count, some none."""
    first, second, whole = (seen["positions"] for seen in (*together, alone))
    assert torch.equal(first["weights"], second["weights"])
    assert first["epochs"] == whole["epochs"] == 3
    torch.testing.assert_close(first["weights"], whole["weights"], atol=1e-5, rtol=1e-4)
    assert (whole["weights"] - whole["start"]).abs().max() > 0.01
    assert first["score"][0] == pytest.approx(whole["score"][0], abs=0.005)
    assert first["score"][1] == pytest.approx(whole["score"][1], rel=1e-5)


def test_parameters_that_nobody_uses_have_no_gradient(
    alone: dict[str, Any], together: Looks
) -> None:
    expected = [True, True, False, False]
    assert alone["cut"]["missing"] == expected
    assert [seen["cut"]["missing"] for seen in together] == [expected, expected]
    assert not any(together[0]["one"]["missing"])


def test_shares_make_up_the_batches_and_a_rest_too_small_joins_the_last(
    alone: dict[str, Any], together: Looks
) -> None:
    shares = list(zip(together[0]["seen"], together[1]["seen"], strict=True))
    # 15 examples in batches of 7
    assert [(len(a), len(b)) for a, b in shares] == [(4, 3), (4, 4)] * 2
    for (a, b), batch in zip(shares, alone["seen"], strict=True):
        assert torch.equal(torch.cat([a, b]), batch)


def test_a_loss_that_is_not_finite_stops_all_at_the_same_step(together: Looks) -> None:
    assert [(seen["bombed"], seen["calls"]) for seen in together] == [(4, 10), (4, 10)]


def test_evaluation_is_that_of_one_process(alone: dict[str, Any], together: Looks) -> None:
    accuracy, loss, _ = alone["evaluated"]
    for seen in together:
        assert seen["evaluated"][0] == accuracy
        assert seen["evaluated"][1] == pytest.approx(loss, rel=1e-12)
    assert together[0]["evaluated"] == together[1]["evaluated"]


def test_noise_differs_between_processes(together: Looks) -> None:
    assert not torch.equal(together[0]["noise"], together[1]["noise"])


def test_what_processes_tell_each_other(together: Looks) -> None:
    assert [seen["processes"] for seen in together] == [2, 2]
    assert [seen["main"] for seen in together] == [True, False]
    assert [seen["gather"] for seen in together] == [[0, 10], []]
    for seen in together:
        assert seen["broadcast"] == {"from": 0}
        assert seen["total"].tolist() == [2.0, 1.0]
        assert seen["buffers"]["running_mean"].tolist() == [0.5, 0.5]
        assert seen["buffers"]["num_batches_tracked"] == 5


def test_a_process_alone_shares_with_nobody() -> None:
    batch = torch.arange(5)
    model = worker.network()
    assert distributed.share(batch) is batch
    assert distributed.total(batch) is batch
    assert distributed.replicate(model) is model
    assert distributed.broadcast("a") == "a" and distributed.gather("a") == ["a"]
    assert (distributed.processes(), distributed.rank(), distributed.is_main()) == (1, 0, True)
    with pytest.raises(ZeroDivisionError), distributed.in_step():
        raise ZeroDivisionError


def test_the_number_of_processes_is_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=8)
    task = Task(data="d", model="digits-cnn", recipe=recipe, resources=Resources(processes=2))
    with (
        pytest.raises(ValueError, match="started 3 processes, the task asks for 2"),
        distributed.process_group(task),
    ):
        pass


def test_processes_without_a_gpu_each_are_one_error_a_node(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("LOCAL_RANK", "0")
    with pytest.raises(ValueError, match="2 processes on this node need a GPU each, but it has 1"):
        distributed._choose_gpu()
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(SystemExit) as ended:
        distributed._choose_gpu()
    assert ended.value.code == 0
