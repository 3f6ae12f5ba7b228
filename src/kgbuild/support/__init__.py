"""Who says so: the claims behind a triple, rows with their sources, explanations of a thing."""
