"""One self-contained page about an experiment: `data.ReportData` in, HTML out."""
