"""Who used what, at what cost."""
