"""torch without its compiler, which takes 1.3 s to load: a quarter of a job's start.

torch marks what dispatch modes do as not to be compiled, and loads the compiler at the first call
for it to say so. Where nothing is compiled, the modes do the same either way. (An optimizer loads
it in each step, marked or not: jobs that train have it.)
"""

from __future__ import annotations

from collections.abc import Iterator

from torch.utils._python_dispatch import TorchDispatchMode

_MARK = "__dynamo_disable"
"""Of a marked function: what torch calls in its place, once the compiler has been loaded."""


def leave_compiler_out() -> None:
    """Have the dispatch modes that are there by now run as written: nothing here is compiled.

    In a version of torch that marks them otherwise nothing happens.
    """
    for mode in _below(TorchDispatchMode):
        method = vars(mode).get("__torch_dispatch__")
        code, function = getattr(method, "__code__", None), getattr(method, "__wrapped__", None)
        is_marked = code is not None and code.co_filename.endswith("_compile.py")
        if is_marked and function is not None and not hasattr(function, _MARK):
            setattr(function, _MARK, function)


def _below(kind: type[object]) -> Iterator[type[object]]:
    inner: type[object]
    for inner in kind.__subclasses__():
        yield inner
        yield from _below(inner)
