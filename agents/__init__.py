"""Learners, policies, contenders and their evaluation; below it lie the environments."""
