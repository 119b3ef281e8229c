"""How the double misbehaves when a test asks it to."""

from dataclasses import dataclass, field


@dataclass
class Faults:
    """What goes wrong, by the plural of a kind; nothing by default."""

    forbidden: set[str] = field(default_factory=set)  # 403 on every verb
    failing: dict[str, int] = field(default_factory=dict)  # 500 from this page on
    cut: set[str] = field(default_factory=set)  # the answer ends in the middle
    garbage: set[str] = field(default_factory=set)  # an answer that is no list of objects
    hollow: dict[str, object] = field(default_factory=dict)  # 200, and this for a list
    twice: set[str] = field(default_factory=set)  # everything told twice
    expiring: set[str] = field(default_factory=set)  # 410 on the second page, once
    silent: set[str] = field(default_factory=set)  # takes the question and never answers
    deaf_watch: set[str] = field(default_factory=set)  # a watch that ends at once
    skew_s: float = 0.0  # of the server's clock
    is_locked: bool = False  # 401 to everybody
    expired: set[str] = field(default_factory=set)  # which have expired already
