"""Who may ask what: every route with the right it needs. What is not here, is not served.

The server refuses to start while a route is missing here or is here and not served; each request
is held against this table before anything else of it is read (serve/guard). A new route is one
line: `"METHOD /path": RULE`, the path written as the route has it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from watermaster.model.errors import WatermasterError
from watermaster.model.identity import Right


class Sight(StrEnum):
    """Whose costs an answer holds."""

    NONE = "none"
    OWN = "own"  # the flow shows rows of who asks' own units only
    ALL = "all"  # of all units: only who may see all of them


class Of(StrEnum):
    """Whose thing a request is about; the right must be held in the team that owns it."""

    NOBODY = "nobody"
    FINDING = "finding"  # named by id_ or finding
    FIX = "fix"  # named by fix, else id_
    DECLARED = "declared"  # named by noun and name


@dataclass(frozen=True, slots=True)
class Rule:
    """What a route needs."""

    right: Right
    sight: Sight = Sight.NONE
    of: Of = Of.NOBODY


OPEN: Final = Rule(Right.NOBODY)
SEE: Final = Rule(Right.SEE)  # no costs in it
SEE_OWN: Final = Rule(Right.SEE, Sight.OWN)
SEE_ALL: Final = Rule(Right.SEE, Sight.ALL)
DELIVER: Final = Rule(Right.DELIVER)
CHANGE_FINDING: Final = Rule(Right.CHANGE, of=Of.FINDING)
APPROVE_FIX: Final = Rule(Right.APPROVE, of=Of.FIX)
APPROVE: Final = Rule(Right.APPROVE, Sight.ALL)
REGISTER: Final = Rule(Right.REGISTER)
AUDIT: Final = Rule(Right.AUDIT)
ADMINISTER: Final = Rule(Right.ADMINISTER)

RIGHTS: Final[Mapping[str, Rule]] = {
    # open to all
    "GET /live": OPEN,
    "GET /static/{name}": OPEN,
    "GET /sign-in": OPEN,
    "GET /sign-in/begin": OPEN,
    "GET /sign-in/back": OPEN,
    "POST /sign-out": OPEN,
    "GET /account": OPEN,  # of whoever asks
    "POST /account/sessions": OPEN,
    "GET /api/v1/whoami": OPEN,
    # tokens and roles: the flows let nobody give more than they hold
    "GET /tokens": SEE,
    "POST /tokens": SEE,
    "POST /tokens/{name}/revoke": SEE,
    "GET /api/v1/tokens": SEE,
    "POST /api/v1/tokens": SEE,
    "DELETE /api/v1/tokens/{name}": SEE,
    "GET /roles": AUDIT,
    "POST /roles/{name}/{act}": ADMINISTER,
    "GET /api/v1/roles": AUDIT,
    "GET /api/v1/glass": AUDIT,
    "POST /api/v1/glass": ADMINISTER,
    "DELETE /api/v1/glass/{id_}": ADMINISTER,
    # pages
    "GET /": SEE_OWN,
    "GET /costs": SEE_OWN,
    "GET /costs/{charge_file}/{charge_row}": SEE_OWN,
    "GET /costs.csv": SEE_OWN,
    "GET /costs.xlsx": SEE_OWN,
    "GET /costs.parquet": SEE_ALL,
    "GET /estate": SEE_OWN,
    "GET /estate/things": SEE_ALL,
    "GET /estate/thing/{where:path}": SEE_ALL,
    "GET /estate/workload/{name}": SEE_OWN,
    "GET /estate/{plural}": SEE_ALL,
    "GET /estate/{noun}/{name}": SEE_ALL,
    "GET /findings": SEE_OWN,
    "GET /findings/{id_}": SEE_OWN,
    "POST /findings/stop": ADMINISTER,
    "POST /findings/{id_}/decide": CHANGE_FINDING,
    "POST /findings/{id_}/plan": CHANGE_FINDING,
    "POST /findings/{id_}/ticket": CHANGE_FINDING,
    "POST /findings/{id_}/fix/{fix}": APPROVE_FIX,
    "GET /review": SEE_ALL,
    "GET /review/{month}": SEE_ALL,
    "GET /review/{month}/report": SEE_ALL,
    "POST /review": APPROVE,
    "POST /review/{month}/decide/{finding}": APPROVE,
    "POST /review/{month}/close": APPROVE,
    "GET /capacity": SEE,
    "GET /models": SEE,
    "GET /models/{name}": SEE,
    "GET /models/{name}/{version}": SEE,
    "GET /tags": SEE_ALL,
    # programs
    "GET /metrics": SEE_ALL,
    "POST /v1/metrics": DELIVER,
    "POST /v1/traces": DELIVER,
    "GET /api/v1/openapi.json": SEE,
    "GET /api/v1/overview": SEE_OWN,
    "GET /api/v1/cost/by": SEE_OWN,
    "GET /api/v1/cost/moved": SEE_OWN,
    "GET /api/v1/cost/flow": SEE_OWN,
    "GET /api/v1/cost/explained": SEE_ALL,
    "GET /api/v1/charges": SEE_OWN,
    "GET /api/v1/charges/{charge_file}/{charge_row}": SEE_OWN,
    "GET /api/v1/estate": SEE_OWN,
    "GET /api/v1/estate/workload/{name}": SEE_OWN,
    "GET /api/v1/things": SEE_ALL,
    "GET /api/v1/things/{where:path}": SEE_ALL,
    "GET /api/v1/workloads": SEE_ALL,
    "GET /api/v1/workloads/{name}": SEE_ALL,
    "GET /api/v1/models": SEE_ALL,
    "GET /api/v1/models/{name}": SEE_ALL,
    "GET /api/v1/models/{name}/versions/{version}/artefact": SEE,
    "POST /api/v1/models/{name}/versions/{version}/artefact": REGISTER,
    "POST /api/v1/models/{name}/versions/{version}/verification": REGISTER,
    "GET /api/v1/models/{name}/versions/{version}/files/{path:path}": SEE,
    "GET /api/v1/accesses": AUDIT,
    "GET /api/v1/audit/verification": AUDIT,
    "GET /api/v1/audit/export": AUDIT,
    "GET /api/v1/datasets": SEE_ALL,
    "GET /api/v1/datasets/{name}": SEE_ALL,
    "GET /api/v1/platforms": SEE_ALL,
    "GET /api/v1/platforms/{name}": SEE_ALL,
    "GET /api/v1/experiments": SEE_ALL,
    "GET /api/v1/experiments/{name}": SEE_ALL,
    "GET /api/v1/savings": SEE_ALL,
    "GET /api/v1/tags/coverage": SEE_OWN,
    "GET /api/v1/tags/fix": SEE_ALL,
    "GET /api/v1/capacity/free": SEE,
    "GET /api/v1/registry/models": SEE,
    "GET /api/v1/registry/models/{name}": SEE,
    "GET /api/v1/registry/models/{name}/versions/{version}": SEE,
    "GET /api/v1/sources": SEE,
    "GET /api/v1/status": SEE,
    "GET /api/v1/findings": SEE_OWN,
    "GET /api/v1/findings/{id_}": SEE_OWN,
    "POST /api/v1/findings/{id_}/decisions": CHANGE_FINDING,
    "POST /api/v1/findings/{id_}/fixes": CHANGE_FINDING,
    "POST /api/v1/findings/{id_}/ticket": CHANGE_FINDING,
    "GET /api/v1/tickets": SEE_ALL,
    "GET /api/v1/fixes": SEE_ALL,
    "POST /api/v1/fixes/{id_}/approval": APPROVE_FIX,
    "POST /api/v1/fixes/{id_}/undo": APPROVE_FIX,
    "GET /api/v1/gates": SEE,
    "GET /api/v1/gates/asked": SEE,
    "GET /api/v1/rulings": SEE,
    "GET /api/v1/rulings/{id_}": SEE,
    "GET /api/v1/evidence": SEE,
    "POST /api/v1/evidence": SEE,  # the flow asks for what its kind needs: deliver, or approve
    "GET /api/v1/waivers": SEE,
    "POST /api/v1/waivers": Rule(Right.REGISTER),
    "POST /api/v1/waivers/{id_}/grant": Rule(Right.APPROVE),
    "POST /api/v1/waivers/{id_}/end": SEE,  # who asked for it may, or an approver: the flow asks
    "GET /api/v1/alerts": SEE_OWN,
    "GET /api/v1/reviews": SEE_ALL,
    "GET /api/v1/reviews/{month}": SEE_ALL,
    "POST /api/v1/reviews/{month}": APPROVE,
    "POST /api/v1/reviews/{month}/close": APPROVE,
    # the model registry, as MLflow names its methods; flows hold REGISTER against the model's team
    "GET /api/2.0/mlflow/registered-models/get": SEE,
    "GET /api/2.0/mlflow/registered-models/search": SEE,
    "GET /api/2.0/mlflow/registered-models/get-latest-versions": SEE,
    "POST /api/2.0/mlflow/registered-models/get-latest-versions": SEE,
    "GET /api/2.0/mlflow/registered-models/alias": SEE,
    "GET /api/2.0/mlflow/model-versions/get": SEE,
    "GET /api/2.0/mlflow/model-versions/search": SEE,
    "GET /api/2.0/mlflow/model-versions/get-download-uri": SEE,
    "POST /api/2.0/mlflow/registered-models/create": REGISTER,
    "POST /api/2.0/mlflow/registered-models/rename": REGISTER,
    "PATCH /api/2.0/mlflow/registered-models/update": REGISTER,
    "DELETE /api/2.0/mlflow/registered-models/delete": REGISTER,
    "POST /api/2.0/mlflow/registered-models/set-tag": REGISTER,
    "DELETE /api/2.0/mlflow/registered-models/delete-tag": REGISTER,
    "POST /api/2.0/mlflow/registered-models/alias": REGISTER,
    "DELETE /api/2.0/mlflow/registered-models/alias": REGISTER,
    "POST /api/2.0/mlflow/model-versions/create": REGISTER,
    "PATCH /api/2.0/mlflow/model-versions/update": REGISTER,
    "DELETE /api/2.0/mlflow/model-versions/delete": REGISTER,
    "POST /api/2.0/mlflow/model-versions/transition-stage": REGISTER,
    "POST /api/2.0/mlflow/model-versions/set-tag": REGISTER,
    "DELETE /api/2.0/mlflow/model-versions/delete-tag": REGISTER,
}


def held_against(served: Iterable[str], table: Mapping[str, Rule] = RIGHTS) -> None:
    """WatermasterError where routes and table differ: nothing is served that nobody thought of."""
    names = set(served)
    bare, empty = sorted(names - table.keys()), sorted(table.keys() - names)
    if bare or empty:
        told = [f"no right is declared for {', '.join(bare)}"] if bare else []
        told += [f"nothing serves {', '.join(empty)}"] if empty else []
        raise WatermasterError(
            "serve/rights.py", "; ".join(told), "declare exactly the routes there are"
        )
