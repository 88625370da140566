"""The domain once more, in plain Python: slow, short, and written from the rules alone."""
