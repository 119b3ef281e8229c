"""What people decide on each month, what it is worth, and what became of it."""
