"""Rows of the table, a module a subject; some of them are measured on a GPU too."""
