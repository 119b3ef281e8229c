"""MLflow's model registry over REST, as its clients ask for it."""
