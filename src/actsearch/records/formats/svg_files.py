"""SVG: the last metadata element."""

from __future__ import annotations

import html
import re
from pathlib import Path

from actsearch.records.formats.format import as_text, text_format
from actsearch.records.seals import Provenance, sealed

FORMAT = text_format(
    ".svg",
    "image/svg+xml",
    'id="provenance"',
    re.compile(r'<metadata id="provenance">(.*?)</metadata>\n?', re.DOTALL),
    unescape=html.unescape,
)


def write_svg(path: str | Path, drawing: str, provenance: Provenance) -> None:
    """Write a drawing with its provenance as its last metadata element.

    Raises:
        ValueError: when it is no drawing.
    """
    before, end, after = drawing.rpartition("</svg>")
    if not end:
        raise ValueError("the drawing has no </svg>")
    with sealed(Path(path), provenance, FORMAT.content_digest) as (beside, block):
        text = html.escape(as_text(block), quote=False)
        element = f'<metadata id="provenance">{text}</metadata>\n'
        beside.write_text(before + element + end + after, encoding="utf-8")
