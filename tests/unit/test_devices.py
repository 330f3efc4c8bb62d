from __future__ import annotations

import os
from typing import Any

import pytest
import torch

from actsearch.config import Recipe, Resources, Task
from actsearch.networks.devices import choose_device, describe_device, run_settings

CPU = torch.device("cpu")
WORKSPACE = "CUBLAS_WORKSPACE_CONFIG"


def task(**changes: Any) -> Task:
    recipe = Recipe(optimizer="sgd", learning_rate=0.1, epochs=1, batch_size=8)
    return Task(data="digits", model="digits-cnn", recipe=recipe, **changes)


def flushed() -> bool:
    return torch.tensor(1e-40).mul(0.5).item() == 0


def state() -> tuple[Any, ...]:
    return (
        torch.get_num_threads(),
        flushed(),
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        os.environ.get(WORKSPACE),
        torch.get_rng_state().tolist(),
        gpu_flags(),
    )


def gpu_flags() -> tuple[bool, ...]:
    """Whether products are rounded, convolutions tried out, and fresh memory filled."""
    return (
        torch.backends.cudnn.allow_tf32,
        torch.backends.cuda.matmul.allow_tf32,
        torch.backends.cudnn.benchmark,
        torch.utils.deterministic.fill_uninitialized_memory,
    )


def disturb() -> None:
    torch.manual_seed(5)
    torch.rand(3)


def test_settings_hold_inside_and_are_put_back_afterwards() -> None:
    before = state()
    threads = torch.get_num_threads() + 1
    with run_settings(task(resources=Resources(threads=threads)), CPU):
        assert torch.get_num_threads() == threads
        assert flushed()
        disturb()
    assert state() == before


def test_settings_are_put_back_after_an_error() -> None:
    before = state()
    with pytest.raises(ZeroDivisionError), run_settings(task(), CPU):
        disturb()
        raise ZeroDivisionError
    assert state() == before


@pytest.fixture
def no_gpu_to_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the settings of a GPU be looked at where there is none."""
    fork = torch.random.fork_rng
    monkeypatch.setattr(torch.random, "fork_rng", lambda devices: fork(devices=[]))


@pytest.mark.parametrize("device", [CPU, torch.device("cuda")])
def test_a_caller_that_flushes_denormals_or_warns_only_keeps_doing_so(
    device: torch.device, no_gpu_to_fork: None
) -> None:
    torch.set_flush_denormal(True)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        before = state()
        with run_settings(task(), device):
            pass
        assert state() == before
    finally:
        torch.use_deterministic_algorithms(False)
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("workspace", [None, ":16:8"])
def test_a_gpu_has_deterministic_kernels_if_the_task_wants_them(
    workspace: str | None, no_gpu_to_fork: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(WORKSPACE, raising=False)
    if workspace is not None:
        monkeypatch.setenv(WORKSPACE, workspace)
    before = state()
    gpu = torch.device("cuda")
    with run_settings(task(), gpu):
        assert torch.are_deterministic_algorithms_enabled()
        assert os.environ[WORKSPACE] == (workspace or ":4096:8")
    assert state() == before
    with run_settings(task(deterministic=False), gpu):
        assert not torch.are_deterministic_algorithms_enabled()
        assert os.environ.get(WORKSPACE) == workspace


@pytest.mark.parametrize("tf32", [False, True])
@pytest.mark.parametrize("deterministic", [False, True])
def test_a_gpus_products_are_float32_unless_asked_for_less(
    tf32: bool, deterministic: bool, no_gpu_to_fork: None
) -> None:
    before = state()
    with run_settings(task(deterministic=deterministic), torch.device("cuda"), tf32=tf32):
        assert gpu_flags() == (tf32, tf32, not deterministic, False)
    assert state() == before
    with run_settings(task(), CPU, tf32=tf32):
        assert gpu_flags() == before[-1]


def test_without_a_gpu_in_the_resources_the_cpu_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device(task()) == CPU
    assert choose_device(task(resources=Resources(gpu=1))) == torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device(task(resources=Resources(gpu=1))) == CPU


def test_a_record_says_what_the_bits_may_hang_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with_threads = task(resources=Resources(threads=3))
    assert describe_device(CPU, with_threads) == {"type": "cpu", "threads": 3}
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "Some GPU")
    described = describe_device(torch.device("cuda"), task(deterministic=False))
    assert described == {"type": "cuda", "name": "Some GPU", "deterministic": False}
