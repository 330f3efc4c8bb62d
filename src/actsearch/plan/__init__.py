"""An experiment as files: steps, paths, counts, resources, what is refused, what is out of date."""
