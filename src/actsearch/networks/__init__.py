"""Networks with a function in place of their activations: built, and what they cost.

`by_name` builds any network, the built-in ones in `models` among them; `building` puts a function
into a task's; `devices` says what it runs on.
"""
