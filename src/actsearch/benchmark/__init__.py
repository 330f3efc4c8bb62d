"""The table of a task: one row a function, trained here or imported."""
