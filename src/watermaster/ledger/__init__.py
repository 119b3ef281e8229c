"""What is known: facts in the lake, records in SQL, one head over both."""
