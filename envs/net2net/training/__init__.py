"""Real trainings: data, networks, the trainer under the budget clock, the grid, live sessions.

This room needs torch and scikit-learn; the rest of the domain imports it lazily.
"""
