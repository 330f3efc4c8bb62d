"""Who is trained next: predictors on the map, strategies, searches, and the final verdict."""
