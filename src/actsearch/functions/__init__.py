"""What can be searched: activation functions as call trees over the one variable x.

A function is its name, ``mul(sigmoid(x),erf(x))``, and from the name follows everything here:

- `operators`: the table of operators, each with a NumPy and a torch implementation; `register` adds
  more. `torch_operators` holds the few that torch lacks.
- `expressions`: `parse` a name (`syntax` reads call trees), print it, turn it into a path and back,
  evaluate it on arrays and tensors.
- `activation`: the function as a torch module, and putting it into a network.
- `standalone`: the function as a file that needs nothing but torch; `sources` copies into it what
  operators are made of.
- `spaces`: sets of functions given by `schemas`; `enumeration` evaluates them all,
  `equivalence` tells the different from the equal, `select` picks what an experiment uses.

Only `activation`, `torch_operators`, `standalone` and `sources` import torch, so that naming a
million functions costs no more than NumPy.
"""
