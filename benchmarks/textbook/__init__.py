"""Each piece of work written from its definition, the way such code is usually written.

These are what rows of the benchmarks are compared with, and oracles of tests.
"""
