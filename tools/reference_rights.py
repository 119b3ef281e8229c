"""docs/reference/rights.md: which route needs which right, and which role gives it."""

from watermaster.model.identity import RIGHTS as ROLES
from watermaster.model.identity import Right
from watermaster.serve.rights import RIGHTS, Of, Sight

SIGHTS = {Sight.NONE: "none", Sight.OWN: "own units", Sight.ALL: "all units"}


def pages() -> dict[str, str]:
    """The page of rights."""
    roles = "".join(
        f"| {role.value} | {', '.join(sorted(rights - {Right.NOBODY}))} |\n"
        for role, rights in ROLES.items()
    )
    routes = "".join(
        f"| `{name}` | {'open to all' if rule.right is Right.NOBODY else rule.right.value} "
        f"| {'' if rule.right is Right.NOBODY else SIGHTS[rule.sight]} "
        f"| {'' if rule.of is Of.NOBODY else 'of the ' + rule.of.value} |\n"
        for name, rule in RIGHTS.items()
    )
    return {
        "rights.md": "# Rights\n\nEvery route needs the right this table declares; a route that is "
        "not in it is not served. A right counts in the team that holds the role, of auditors and "
        "admins everywhere. A route that shows costs of all units needs somebody who may see them "
        "all. How people get roles: [sign-in](../how-to/sign-in.md).\n\n"
        f"| role | rights |\n|---|---|\n{roles}\n"
        "| route | right | shows costs of | the right is held in the team |\n|---|---|---|---|\n"
        f"{routes}"
    }
