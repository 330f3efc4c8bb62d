"""Data sets in three parts: train, validation and test.

A source gives images and labels; they are split by seed, stratified, and every channel is scaled to
mean 0 and standard deviation 1 over the *training* part, whatever the source. No number of the
validation or test part enters the scaling, and the scaling stays the same when a network is later
fitted on training and validation together.
"""

from actsearch.tasks.data.arrays import split_arrays as split_arrays
from actsearch.tasks.data.dataset import PARTS as PARTS
from actsearch.tasks.data.dataset import Dataset as Dataset
from actsearch.tasks.data.dataset import DataShape as DataShape
from actsearch.tasks.data.dataset import Part as Part
from actsearch.tasks.data.loading import data_shape as data_shape
from actsearch.tasks.data.loading import load_dataset as load_dataset
from actsearch.tasks.sources.places import DataError as DataError
