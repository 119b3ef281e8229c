"""Experiments are judged by what the ledger knows of their value, cost and silence."""

from decimal import Decimal

import pytest
from starlette.testclient import TestClient

from tests.flows.experiment_work import prepare
from tests.flows.small import declare, resource
from watermaster.cli.main import run
from watermaster.flows.experiments import experiments, show_experiment
from watermaster.flows.findings import list_findings
from watermaster.model.errors import NotFoundError
from watermaster.model.outcomes import Verdict
from watermaster.serve.app import create_app


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("experiments") / "home")


@pytest.fixture(scope="module")
def told(project):
    return {one.trial.workload: one for one in experiments(project).rows}


def test_an_experiment_worth_more_than_it_costs_is_promoted_once_its_gates_pass(told):
    one = told["letters"]
    assert one.verdict is Verdict.PROMOTE
    assert (len(one.trial.net), one.trial.cost) == (8, Decimal(8 * 7 * 10))
    assert one.probability > 0.99
    assert one.evidence_for > one.needed


def test_one_that_costs_more_than_it_is_worth_ends_with_its_artefact_kept(told):
    one = told["poems"]
    assert one.verdict is Verdict.SUNSET
    assert one.evidence_against > one.needed
    assert one.next_step.startswith("snapshot sha256:poems, then scale poems to 0 and release")


def test_one_that_nobody_asked_for_30_days_ends_whatever_it_is_worth(told):
    one = told["quiet"]
    assert one.verdict is Verdict.SUNSET
    assert one.trial.quiet_days >= 30
    assert one.probability is None  # it states no value


def test_the_verdicts_are_findings_with_the_cost_of_the_month(project):
    found = {one.subject: one for one in list_findings(project).found if "experiment" in one.rule}
    assert {subject: one.rule for subject, one in found.items()} == {
        "workload/letters": "promote-experiment", "workload/poems": "sunset-experiment",
        "workload/quiet": "sunset-experiment", "workload/songs": "experiment-over-budget",
    }  # fmt: skip
    assert found["workload/poems"].cost == 300
    assert found["workload/poems"].team == "rag"


def test_a_budget_in_all_is_held_against_the_cost_of_all_months(project, told):
    found = [one for one in list_findings(project).found if one.rule == "experiment-over-budget"]
    assert [(one.subject, one.cost) for one in found] == [("workload/songs", 90)]  # 590 of 500
    spent = {name: one.trial.spent_in_all for name, one in told.items()}
    assert spent == {"letters": 590, "songs": 590, "poems": None, "quiet": 590}  # yen, not dollars


def test_command_and_api_show_the_same_record(project, told, capsys):
    assert run(["--home", str(project.home), "experiment", "list", "--columns",
                "experiment,verdict"]) == 0  # fmt: skip
    lines = capsys.readouterr().out
    assert [name for name in ("letters", "poems", "quiet", "songs") if name in lines] == list(told)
    assert run(["--home", str(project.home), "experiment", "show", "poems"]) == 0
    assert "next: snapshot sha256:poems" in capsys.readouterr().out
    page = TestClient(create_app(project), base_url="http://127.0.0.1")
    rows = page.get("/api/v1/experiments").json()["rows"]
    assert [row["trial"]["workload"] for row in rows] == list(told)
    assert page.get("/api/v1/experiments/poems").json()["verdict"] == "sunset"
    assert page.get("/api/v1/experiments/nobody").status_code == 404


def test_gates_that_are_not_known_are_not_passed(project, told):
    one = told["songs"]
    assert one.verdict is Verdict.GO_ON
    assert "whether its gates pass is not known" in one.why
    assert show_experiment(project, "songs") == one
    with pytest.raises(NotFoundError, match=r"take .*letters"):
        show_experiment(project, "nobody")


def test_a_value_that_is_declared_anew_is_judged_anew(project, told):
    declare(project, resource("Outcome", "poems-answered", {
        "measure": "answers", "valuePerUnit": "0.03", "source": "controlling",
        "approvedBy": "rag", "workload": "poems"}, "rag"), valid_from="2026-10-05")  # fmt: skip
    again = show_experiment(project, "poems")
    assert told["poems"].verdict is Verdict.SUNSET
    assert again.verdict is Verdict.GO_ON  # worth it, and its gates are not known
    assert again.trial.value == 6 * told["poems"].trial.value
