"""One file per command; prints what flows return."""
