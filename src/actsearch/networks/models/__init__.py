"""The built-in networks, a module each: a task's code is that of its own network alone."""
