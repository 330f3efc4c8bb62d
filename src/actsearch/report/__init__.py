"""One self-contained page about an experiment: `ReportData` in, HTML out."""

from __future__ import annotations

from actsearch.report.data import ReportData, TaskData
from actsearch.report.page import render

__all__ = ["ReportData", "TaskData", "render"]
