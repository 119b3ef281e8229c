"""Who may run what: every command that opens a ledger with the right it needs.

Whoever may use the machine may run them all; this table holds back the program whose token is in
WM_TOKEN. A command that is not here needs the right to administer.
"""

from collections.abc import Mapping
from typing import Final

from watermaster.model.identity import Right
from watermaster.serve.rights import SEE, SEE_ALL, SEE_OWN, Rule, Sight

CHANGE: Final = Rule(Right.CHANGE)
CHANGE_ALL: Final = Rule(Right.CHANGE, Sight.ALL)
REGISTER: Final = Rule(Right.REGISTER)
APPROVE: Final = Rule(Right.APPROVE)
APPROVE_ALL: Final = Rule(Right.APPROVE, Sight.ALL)
AUDIT: Final = Rule(Right.AUDIT)
DELIVER: Final = Rule(Right.DELIVER)
ADMINISTER: Final = Rule(Right.ADMINISTER)
ANYBODY: Final = Rule(Right.NOBODY)
WITHOUT: Final = frozenset({"completion", "demo", "init", "schema", "validate"})  # open no ledger

RIGHTS: Final[Mapping[str, Rule]] = {
    "access list": AUDIT,
    "alert ack": APPROVE_ALL,
    "alert list": SEE_OWN,
    "alert run": ADMINISTER,
    "alert silence": APPROVE_ALL,
    "allocate": ADMINISTER,
    "apply": CHANGE_ALL,
    "audit export": AUDIT,
    "audit verify": AUDIT,
    "capacity free": SEE,
    "channel list": SEE,
    "channel test": ADMINISTER,
    "close": ADMINISTER,
    "cost by": SEE_OWN,
    "cost flow": SEE_OWN,
    "cost moved": SEE_OWN,
    "cost show": SEE_OWN,
    "cost why": SEE_OWN,
    "dataset list": SEE_ALL,
    "dataset own": CHANGE_ALL,
    "dataset retire": CHANGE_ALL,
    "dataset show": SEE_ALL,
    "describe": SEE,
    "diff": SEE,
    "doctor": ADMINISTER,
    "door render": SEE,
    "door serve": ADMINISTER,
    "estate adopt": CHANGE_ALL,
    "estate show": SEE_OWN,
    "estate thing": SEE_ALL,
    "estate things": SEE_ALL,
    "evidence add": SEE,  # the flow asks for what its kind needs
    "evidence list": SEE,
    "experiment list": SEE_ALL,
    "experiment show": SEE_ALL,
    "export": SEE,
    "finding accept": CHANGE,
    "finding ask": CHANGE,
    "finding decline": CHANGE,
    "finding fix": APPROVE,
    "finding fixes": SEE_ALL,
    "finding list": SEE_OWN,
    "finding reopen": CHANGE,
    "finding resume": ADMINISTER,
    "finding show": SEE_OWN,
    "finding snooze": CHANGE,
    "finding stop": ADMINISTER,
    "finding ticket": CHANGE,
    "finding undo": APPROVE,
    "finding update": CHANGE_ALL,
    "gate check": SEE,
    "gate explain": SEE,
    "gate list": SEE,
    "gate rulings": SEE,
    "gate test": SEE,
    "get": SEE,
    "glass break": ADMINISTER,
    "glass end": ADMINISTER,
    "glass list": AUDIT,
    "ingest": DELIVER,  # of every kind
    "model attach": REGISTER,
    "model digest": SEE,
    "model download": SEE,
    "model history": SEE,
    "model import": REGISTER,
    "model promote": REGISTER,  # what a gate guards, it guards
    "model register": REGISTER,
    "model versions": SEE,
    "model withdraw": REGISTER,
    "model list": SEE_ALL,
    "model own": CHANGE_ALL,
    "model retire": CHANGE_ALL,
    "model show": SEE_ALL,
    "model sign": REGISTER,
    "model verify": SEE,
    "person admit": ADMINISTER,
    "person bar": ADMINISTER,
    "person forget": ADMINISTER,
    "person list": AUDIT,
    "plan": SEE,
    "platform list": SEE_ALL,
    "platform own": CHANGE_ALL,
    "platform retire": CHANGE_ALL,
    "platform show": SEE_ALL,
    "reconcile": SEE_ALL,
    "review close": APPROVE_ALL,
    "review decide": APPROVE_ALL,
    "review list": SEE_ALL,
    "review open": APPROVE_ALL,
    "review report": SEE_ALL,
    "review send": APPROVE_ALL,
    "review show": SEE_ALL,
    "review verify": SEE_ALL,
    "savings show": SEE_ALL,
    "serve": ADMINISTER,
    "source list": SEE,
    "statement": SEE_ALL,
    "status": SEE,
    "sync": DELIVER,
    "tag coverage": SEE_OWN,
    "tag fix": CHANGE_ALL,
    "ticket follow": CHANGE,
    "ticket list": SEE_ALL,
    "token create": ANYBODY,  # who holds a right may give it on, and no more
    "token list": ANYBODY,  # one's own
    "token revoke": ANYBODY,
    "waiver ask": REGISTER,
    "waiver end": SEE,  # who asked for it may, or an approver: the flow asks
    "waiver grant": APPROVE,
    "waiver list": SEE,
    "whoami": ANYBODY,
    "workload list": SEE_ALL,
    "workload own": CHANGE_ALL,
    "workload retire": CHANGE_ALL,
    "workload show": SEE_ALL,
}


def rule_of(path: str) -> Rule:
    """What a command needs, by its words: `wm finding accept`."""
    words = path.split()[1:]
    for count in range(len(words), 0, -1):
        found = RIGHTS.get(" ".join(words[:count]))
        if found is not None:
            return found
    return ADMINISTER
