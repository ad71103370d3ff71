"""What the notebooks study with: toy games, sweeps, measures, diagnosis, and Table 1 with its ruler."""
