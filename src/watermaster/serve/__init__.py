"""REST routes and pages; shows what flows return."""
