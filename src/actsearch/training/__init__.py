"""One trial: a network with one activation function, trained and evaluated."""
