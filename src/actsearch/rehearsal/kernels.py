"""Operations of a network that have no deterministic kernel on a GPU, found without one."""

from __future__ import annotations

from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

# fmt: off
ONE_KIND_ONLY = {
    "_adaptive_avg_pool2d_backward": "the gradient of adaptive average pooling",
    "_adaptive_avg_pool3d_backward": "the gradient of adaptive average pooling",
    "_upsample_bicubic2d_aa_backward": "the gradient of resizing with antialias",
    "_upsample_bilinear2d_aa_backward": "the gradient of resizing with antialias",
    "adaptive_max_pool2d_backward": "the gradient of adaptive max pooling",
    "adaptive_max_pool3d_backward": "the gradient of adaptive max pooling",
    "avg_pool3d_backward": "the gradient of average pooling in three dimensions",
    "fractional_max_pool2d_backward": "the gradient of fractional max pooling",
    "fractional_max_pool3d_backward": "the gradient of fractional max pooling",
    "grid_sampler_2d_backward": "the gradient of grid_sample",
    "grid_sampler_3d_backward": "the gradient of grid_sample",
    "histc": "histc",
    "max_unpool2d": "max unpooling",
    "max_unpool3d": "max unpooling",
    "put": "put",
    "put_": "put",
    "reflection_pad1d_backward": "the gradient of padding by reflection",
    "reflection_pad2d_backward": "the gradient of padding by reflection",
    "reflection_pad3d_backward": "the gradient of padding by reflection",
    "upsample_bicubic2d_backward": "the gradient of bicubic resizing",
    "upsample_linear1d_backward": "the gradient of linear resizing",
}
# fmt: on
"""What ``torch.use_deterministic_algorithms`` says will raise, by ATen's name of the operation."""


class WatchedKernels(TorchDispatchMode):
    """Notes operations of `ONE_KIND_ONLY` that are called while it is entered.

    Attributes:
        found: what was called, in words.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        name = func.overloadpacket.__name__
        said = ONE_KIND_ONLY.get(name)
        if name == "median" and func._overloadname == "dim":
            said = "the median along an axis"
        if said and said not in self.found:
            self.found.append(said)
        return func(*args, **(kwargs or {}))
