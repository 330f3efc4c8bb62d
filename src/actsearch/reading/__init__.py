"""Results read without knowing their paths, from Python and notebooks; the look commands use it.

`experiment` is the way in: an `Experiment` has tasks and spaces by name, and these have what was
made of them as tables, arrays and modules. Nothing is read before it is asked for.
"""
