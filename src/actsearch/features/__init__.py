"""What is known of a function without training: outputs, Fisher spectra, and the map of both.

The public names are loaded on first use: importing the room costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from actsearch.features.fisher import fisher_spectrum as fisher_spectrum
    from actsearch.features.layers import calibrate_batch_norm as calibrate_batch_norm
    from actsearch.features.spectra import LayerSpectrum as LayerSpectrum
    from actsearch.features.spectra import log_spectrum_cdf as log_spectrum_cdf

_HOMES = {
    "LayerSpectrum": "actsearch.features.spectra",
    "calibrate_batch_norm": "actsearch.features.layers",
    "fisher_spectrum": "actsearch.features.fisher",
    "log_spectrum_cdf": "actsearch.features.spectra",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
