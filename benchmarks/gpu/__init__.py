"""What is measured on a GPU, in one command that needs no Snakemake: ``make bench-gpu``."""
