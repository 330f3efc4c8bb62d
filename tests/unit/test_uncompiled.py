"""Dispatch modes do not load torch's compiler, and count the same without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys
import torch
from torch.utils.flop_counter import FlopCounterMode
from actsearch.networks.uncompiled import leave_compiler_out
{call}
with FlopCounterMode(display=False) as counter:
    torch.nn.Linear(3, 5)(torch.zeros(2, 3))
print(counter.get_total_flops(), "torch._dynamo" in sys.modules)
"""


@pytest.mark.parametrize("call", ["", "leave_compiler_out()", "leave_compiler_out();" * 2])
def test_the_compiler_is_left_out_and_the_count_is_the_same(call: str) -> None:
    program = PROGRAM.format(call=call)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == [str(2 * 2 * 3 * 5), str(not call)], done.stderr
