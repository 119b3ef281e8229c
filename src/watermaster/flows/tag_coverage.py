"""Tag coverage, read from the allocations at head and the tag policies that hold now."""

from watermaster.decide.cost.coverage import RULE, tag_coverage, with_trend
from watermaster.flows.closed import allocations_of
from watermaster.flows.cost import CostQuestion, check_dimensions, stale
from watermaster.flows.estate import known_estate
from watermaster.flows.open import Project
from watermaster.ledger.head import read_head
from watermaster.model.errors import NotFoundError
from watermaster.model.estate import live_estate, tag_column
from watermaster.model.reports import CoverageReport
from watermaster.model.tables import ibis


def coverage(project: Project, question: CostQuestion) -> CoverageReport:
    """The share of cost that carries each required tag, by dimensions."""
    policies = live_estate(known_estate(project)).of("TagPolicy")
    rules = [rule for held in policies for rule in held.resource.spec.tags if rule.required]
    if not rules:
        fix = "declare a TagPolicy with a tag that is required: true"
        raise NotFoundError("wm tag coverage", "no tag is required", fix)
    head = read_head(project.ledger.records)
    allocations = allocations_of(project, head, question.months, question.view)
    new = [rule.key for rule in rules if tag_column(rule.key) not in allocations.columns]
    allocations = allocations.mutate(**{tag_column(key): ibis.null("string") for key in new})
    unseen = [f"No allocation has {', '.join(new)} yet: run wm allocate."] if new else []
    check_dimensions(allocations, question.by)
    decisions = [tag_coverage(allocations, rule, question.by, question.cost) for rule in rules]
    engine = project.ledger.engine
    rows = [row for one in decisions for row in engine.to_pyarrow(one.rows).to_pylist()]
    return CoverageReport(
        rule=RULE,
        snapshot=head.name,
        why=" ".join([*(one.why for one in decisions), *unseen, *stale(project, question.months)]),
        cost=question.cost.value,
        by=tuple(question.by),
        rows=with_trend(rows, question.by),
    )
