"""One self-contained page about an experiment: `ReportData` in, HTML out."""

from __future__ import annotations

from actsearch.report.page import ReportData, TaskData, render

__all__ = ["ReportData", "TaskData", "render"]
