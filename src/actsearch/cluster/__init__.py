"""One run at a time in a folder, and its jobs in SLURM: what the workflow asks before it starts."""
