"""One file per target: plan, check the plan, apply."""
