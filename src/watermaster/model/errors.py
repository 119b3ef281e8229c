"""Errors a person can act on: where it is, what is wrong, what to do."""

from typing import ClassVar


class WatermasterError(Exception):
    """Base of every error raised on purpose: `where: what; fix`."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, where: str, what: str, fix: str) -> None:
        super().__init__(f"{where}: {what}; {fix}")
        self.where, self.what, self.fix = where, what, fix


class BadInputError(WatermasterError):
    """A file or a row from outside cannot be used."""

    http_status = 422


class BadResourceError(WatermasterError):
    """A declared resource cannot be used."""

    exit_code = 2
    http_status = 422


class UsageError(WatermasterError):
    """The command or request itself is wrong."""

    exit_code = 3
    http_status = 400


class NotFoundError(WatermasterError):
    """What was named does not exist."""

    exit_code = 5
    http_status = 404


class NotAllowedError(WatermasterError):
    """Who asks may not do this, or it is not sure who asks."""

    exit_code = 4
    http_status = 403


class NotSignedInError(NotAllowedError):
    """Nobody has told who asks, or what was told does not hold (any more)."""

    http_status = 401


class TooOftenError(NotAllowedError):
    """Too many attempts in a minute; the next one counts when the minute is over."""

    http_status = 429


class BusyError(WatermasterError):
    """Somebody else holds the write lock, or moved the ledger meanwhile."""

    http_status = 409


class RefusedError(WatermasterError):
    """The change would lose or contradict what is known; it needs an explicit word."""

    http_status = 409


class StorageError(WatermasterError):
    """A disk, file or engine below the ledger failed; what was held before is unchanged."""

    http_status = 507


class BadResourcesError(WatermasterError):
    """Several declared resources are wrong; all of them are told at once."""

    exit_code = 2
    http_status = 422

    def __init__(self, errors: list[BadResourceError]) -> None:
        Exception.__init__(self, "\n".join(str(error) for error in errors))
        self.errors = errors
        self.where, self.what = errors[0].where, f"{len(errors)} errors"
        self.fix = "mend each of them"
