"""``python -m actsearch.cli``: the command line."""

from actsearch.cli import main

main()
