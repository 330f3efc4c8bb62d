"""Commands that take functions out: as files for other programs, as names for paths."""
