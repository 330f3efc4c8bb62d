"""Data sets in three parts: train, validation and test.

A source gives images and labels; they are split by seed, stratified, and every channel is scaled to
mean 0 and standard deviation 1 over the *training* part, whatever the source. No number of the
validation or test part enters the scaling, and the scaling stays the same when a network is later
fitted on training and validation together.
"""
