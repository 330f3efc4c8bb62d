"""HTML: a JSON-LD script at the end of the head."""

from __future__ import annotations

import re
from pathlib import Path

from actsearch.records.formats.format import as_text, text_format
from actsearch.records.seals import Provenance, sealed

FORMAT = text_format(
    ".html",
    "text/html",
    'id="provenance"',
    re.compile(r'<script type="application/ld\+json" id="provenance">(.*?)</script>\n?', re.DOTALL),
)


def write_html(path: str | Path, page: str, provenance: Provenance) -> None:
    """Write a page with its provenance as a JSON-LD script at the end of the head.

    Raises:
        ValueError: when the page has no head.
    """
    if "</head>" not in page:
        raise ValueError("the page has no </head>")
    with sealed(Path(path), provenance, FORMAT.content_digest) as (beside, block):
        text = as_text({"@context": "https://schema.org", "@type": "CreativeWork", **block})
        # "</" would end the script early wherever it stands in a string.
        script = (
            f'<script type="application/ld+json" id="provenance">'
            f"{text.replace('</', '<' + chr(92) + '/')}</script>\n"
        )
        beside.write_text(page.replace("</head>", script + "</head>", 1), encoding="utf-8")
