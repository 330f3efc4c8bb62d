"""What can be searched: activation functions as call trees over the one variable x.

A function is its name, ``mul(sigmoid(x),erf(x))``, and from the name follows everything here:

- `operators`: each with a NumPy and a torch implementation; `register` adds one to the table of
  `built_in_operators`. `torch_operators` holds the few that torch lacks.
- `expressions`: `parse` a name (`syntax` reads call trees), print it, turn it into a path and back,
  evaluate it on arrays and tensors.
- `activation`: the function as a torch module, and putting it into a network.
- `standalone`: the function as a file that needs nothing but torch; `operator_source` copies into
  it what operators are made of.
- `spaces`: sets of functions given by `schemas`; `evaluation` evaluates them all, `equivalence`
  and `enumeration` tell the different from the equal, `selection` picks what an experiment uses,
  and `listing` makes a table of it.
- `tiles`: large tensors a piece at a time, with the backward pass of `gradients`, made of the
  operators' `derivatives`; `threads` share the pieces.

What `operators`, `expressions` and `spaces` import does without torch, so that naming a million
functions costs no more than NumPy.
"""
