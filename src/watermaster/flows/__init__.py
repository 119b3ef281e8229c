"""One file per task: read, decide, record; the only place where rooms meet."""
