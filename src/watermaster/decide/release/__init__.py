"""What may go to production, and what is to end."""
