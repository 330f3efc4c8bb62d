"""What activation functions are searched for: data, networks, trainings and their table."""
