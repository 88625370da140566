"""Oracle files whose subject lies in `agents`, by domain; the others are in `envs/*/oracles`."""
