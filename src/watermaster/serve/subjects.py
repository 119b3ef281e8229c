"""What a finding is about, as links: declared things and native ones have a page each."""

from collections.abc import Container
from urllib.parse import quote

from watermaster.model.entities import Noun

NOUNS = frozenset(noun.lower() for noun in Noun)


def linked(subject: str, known: Container[str]) -> list[tuple[str, str | None]]:
    """The parts of a subject, each with the path of its page; None where it has none.

    known: kind/name of what is declared, and the places of native things.

    >>> linked("workload/a+b", {"workload/a", "workload/b"})
    [('workload/a', '/estate/workload/a'), ('b', '/estate/workload/b')]
    >>> linked("resource/i+1", set())
    [('resource/i+1', None)]
    """
    if subject in known:
        return [(subject, _path(subject))]
    found: list[tuple[str, str | None]] = []
    kind = ""
    for part in subject.split("+"):
        whole = part if "/" in part else f"{kind}/{part}"
        kind = whole.partition("/")[0]
        found.append((part, _path(whole) if whole in known else None))
    return found if any(path for _, path in found) else [(subject, None)]


def _path(place: str) -> str:
    is_declared = place.partition("/")[0] in NOUNS
    return ("/estate/" if is_declared else "/estate/thing/") + quote(place)
