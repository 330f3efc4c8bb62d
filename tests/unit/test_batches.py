"""How examples are shared out among batches and processes."""

from __future__ import annotations

import pytest
import torch

from actsearch.training.batches import batch_sizes, evaluation_sizes, share_sizes


def test_sizes_of_batches() -> None:
    assert batch_sizes(64, 32) == [32, 32]
    assert batch_sizes(65, 32) == [32, 33]
    assert batch_sizes(66, 32) == [32, 32, 2]
    assert batch_sizes(66, 32, processes=2) == [32, 34]
    assert batch_sizes(67, 32, processes=2) == [32, 35]
    assert batch_sizes(68, 32, processes=2) == [32, 32, 4]
    assert batch_sizes(5, 32) == [5]
    assert batch_sizes(3, 1) == [1, 1, 1]
    assert evaluation_sizes(257) == [256, 1]
    assert evaluation_sizes(512) == [256, 256]


@pytest.mark.parametrize(("size", "processes"), [(7, 3), (8, 2), (2, 3), (1, 1)])
def test_shares_are_those_of_torch(size: int, processes: int) -> None:
    pieces = torch.arange(size).tensor_split(processes)
    assert share_sizes(size, processes) == [len(piece) for piece in pieces]
