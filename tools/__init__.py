"""What keeps the tree in order: run by `make check`, `make docs` and `make screenshot`."""
