"""A small file of each format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from actsearch.records.formats import (
    write_array,
    write_arrays,
    write_csv,
    write_html,
    write_json,
    write_python,
    write_svg,
    write_table,
)

TABLE = pd.DataFrame({"name": ["relu(x)", 'a,"b"'], "value": [0.5, np.nan], "runs": [[1.0], []]})
FLAT = TABLE.drop(columns="runs")
ARRAY = np.array([[1.0, np.nan], [np.inf, -0.0]])
DRAWING = '<svg xmlns="http://www.w3.org/2000/svg"><g/></svg>\n'
SOURCE = '"""Twice."""\n# provenance: of nothing\nTWICE = "2 \u2028"\n'
PAGE = "<html><head><title>t</title>\n</head><body>x</body></html>"


def write(kind: str, path: Path, note: str, *, changed: bool = False) -> None:
    """A file of ``kind`` with ``note`` in its provenance; ``changed`` alters its content."""
    provenance = {"step": "test", "note": note, "tag": "</script>"}
    if kind == "json":
        write_json(path, {"a": [1, 2.5, None], "b": "c" if changed else "é"}, provenance)
    elif kind == "parquet":
        write_table(path, TABLE.assign(value=2.0) if changed else TABLE, provenance)
    elif kind == "csv":
        write_csv(path, FLAT.assign(value=2.0) if changed else FLAT, provenance)
    elif kind == "npz":
        write_arrays(path, {"a": ARRAY + changed, "b": np.array(["x"])}, provenance)
    elif kind == "npy":
        write_array(path, ARRAY + changed, provenance)
    elif kind == "svg":
        write_svg(path, DRAWING.replace("<g/>", "<g></g>") if changed else DRAWING, provenance)
    elif kind == "py":
        write_python(path, SOURCE.replace("2", "3") if changed else SOURCE, provenance)
    elif kind == "graph.json":
        root = {"@id": "./", "name": "b" if changed else "a"}
        write_json(path, {"@context": "c", "@graph": [root]}, provenance)
    else:
        write_html(path, PAGE.replace("x<", "y<") if changed else PAGE, provenance)


KINDS = ["json", "parquet", "csv", "npz", "npy", "html", "svg", "py", "graph.json"]
