"""A task rehearsed: what its jobs will do, on made-up examples, in seconds and before any job.

`network` looks at the network itself, `training` and `spectra` do what a training and a Fisher job
do, `whole` does all that a task's jobs will. What a user's own code can get wrong is found here and
said in one sentence.
"""
