"""What decides and what judges: learners, policies, baselines, evaluation."""
