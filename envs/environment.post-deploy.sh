# Run by Snakemake in an environment it has made itself (--sdm conda), from the top of the repository.
pip install --no-deps --no-build-isolation -e .
