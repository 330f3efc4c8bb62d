"""Makers of data, a module a source.

A maker takes plain values and imports nothing of this package: its code is part of the place of
what it makes, so whatever it imported would have all of that made anew.
"""
