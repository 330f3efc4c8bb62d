"""One self-contained page about an experiment: `page.ReportData` in, HTML out."""
