"""A simulated company with known truth: plan, then truth, then genuine inputs."""
