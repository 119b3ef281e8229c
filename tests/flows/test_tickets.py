"""Tickets: one about a finding, whoever asks how often, and followed to its end."""

import pytest

from tests.flows.fix_work import finding_of, prepare
from tests.flows.small import Clock, declare, resource
from tests.ticket_double import CLOSE, SECRET, ticketing
from watermaster.flows.audit import audit_rows, verify
from watermaster.flows.decide_finding import tell_finding
from watermaster.flows.findings import find, show_finding
from watermaster.flows.open import open_project
from watermaster.flows.tickets import follow_tickets, list_tickets, open_ticket, reach
from watermaster.ledger.records import FINDINGS, TICKETS
from watermaster.ledger.resources import Recording, Row, append
from watermaster.ledger.write import begin
from watermaster.model.errors import (
    BusyError,
    NotAllowedError,
    NotFoundError,
    UsageError,
    WatermasterError,
)
from watermaster.model.resources import load_resource
from watermaster.model.tickets import TicketState

ONE = pytest.mark.parametrize("system", ["github"], indirect=True)
RULE, NOW = "orphaned-volume", "2026-10-05T08:00:00"


@pytest.fixture(params=["github", "jira", "servicenow"])
def system(request, monkeypatch):
    monkeypatch.setenv("TICKET_SECRET", SECRET)
    with ticketing(request.param) as server:
        server.name = request.param
        yield server


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare(tmp_path_factory.mktemp("tickets") / "home", Clock(NOW))


def anew(project, channel):
    """As prepared: no ticket, every finding open, one channel."""
    with project.ledger.records.begin() as connection:
        connection.execute(TICKETS.delete())
        connection.execute(FINDINGS.update().values(is_open=True))
    project.ledger.clock.set(NOW)
    with begin(project.ledger, "apply", "test", project.tell) as work:
        gone = [Row("Channel", name, None, None) for name in ("ops", "away", "second")]
        append(work.connection, gone, Recording(work.revision, project.ledger.clock(), "test"))
    declare(project, resource("Channel", "ops", channel))
    return project


@pytest.fixture
def project(prepared, system):
    return anew(prepared, system.channel)


@pytest.fixture
def finding(project):
    return show_finding(project, finding_of(project, RULE))


def the_ticket(system):
    (one,) = system.held.values()
    return one


def test_a_ticket_says_what_was_found_what_it_costs_and_what_to_do(project, system, finding):
    opened = open_ticket(project, finding.id)
    assert opened.state is TicketState.OPEN
    text = str(the_ticket(system))
    assert f"{RULE}: {finding.subject}" in text
    for told in (finding.next_step, "Mending it saves about", f"wm finding show {finding.id}"):
        assert told in text
    assert tell_finding(project, finding.id).tickets == [opened]
    assert opened.number in opened.address or system.name == "servicenow"


@ONE
def test_asked_twice_there_is_one(project, system, finding):
    first = open_ticket(project, finding.id)
    assert open_ticket(project, finding.id).number == first.number
    assert len(system.held) == 1


def test_whose_answer_was_lost_is_found_and_opened_no_second_time(project, system, finding):
    system.lose_answers = True
    with pytest.raises(WatermasterError, match="was not reached"):
        open_ticket(project, finding.id)
    system.lose_answers = False
    with pytest.raises(BusyError, match="asked for it at 08:00:00"):
        open_ticket(project, finding.id)
    project.ledger.clock.set("2026-10-05T08:05:00")
    assert open_ticket(project, finding.id).state is TicketState.OPEN
    assert len(system.held) == 1


@ONE
def test_following_finds_what_was_asked_for_too(project, system, finding):
    system.lose_answers = True
    with pytest.raises(WatermasterError, match="was not reached"):
        open_ticket(project, finding.id)
    system.lose_answers = False
    (followed,) = follow_tickets(project)
    assert followed.state is TicketState.OPEN
    assert len(system.held) == 1


def test_closed_there_and_still_found_it_is_told_once_and_asked_anew(project, system, finding):
    first = open_ticket(project, finding.id)
    CLOSE[system.name](the_ticket(system))
    (closed,) = follow_tickets(project)
    assert (closed.state, closed.said) == (TicketState.CLOSED, "still-found")
    assert follow_tickets(project) == []
    (comment,) = the_ticket(system)["comments"]
    assert "still finds this" in comment
    assert open_ticket(project, finding.id).number != first.number
    assert [one.state for one in list_tickets(project)] == [TicketState.OPEN, TicketState.CLOSED]


def test_a_finding_that_is_gone_is_told_to_its_ticket_once(project, system, finding):
    open_ticket(project, finding.id)
    with project.ledger.records.begin() as connection:
        connection.execute(FINDINGS.update().values(is_open=False))
    (told,) = follow_tickets(project)
    assert (told.state, told.said) == (TicketState.OPEN, "gone")
    CLOSE[system.name](the_ticket(system))
    (closed,) = follow_tickets(project)
    assert (closed.state, closed.said) == (TicketState.CLOSED, "gone")
    assert follow_tickets(project) == []
    (comment,) = the_ticket(system)["comments"]
    assert "no longer finds this" in comment


def test_a_ticket_removed_there_is_at_its_end(project, system, finding):
    open_ticket(project, finding.id)
    system.held.clear()
    (ended,) = follow_tickets(project)
    assert (ended.state, ended.words) == (TicketState.CLOSED, "removed there")


@ONE
def test_each_change_is_in_the_audit_log(project, system, finding):
    open_ticket(project, finding.id)
    CLOSE[system.name](the_ticket(system))
    follow_tickets(project)
    actions = [row.action for row in audit_rows(project)][-3:]
    assert actions == ["ticket-asked", "ticket-opened", "ticket-followed"]
    assert verify(project).is_whole


@ONE
def test_a_wrong_secret_is_told_and_shown_nowhere(project, finding, monkeypatch):
    monkeypatch.setenv("TICKET_SECRET", "planted-wrong")
    with pytest.raises(NotAllowedError, match="does not allow POST") as told:
        open_ticket(project, finding.id)
    assert "planted-wrong" not in str(told.value)
    with pytest.raises(NotAllowedError, match="does not allow GET"):
        reach(project, "ops")


@ONE
def test_a_silent_system_stops_no_other(project, system, finding):
    open_ticket(project, finding.id)
    said: list[object] = []
    other = show_finding(project, finding_of(project, "inactive-gpu"))
    declare(project, resource("Channel", "away", system.channel | {
        "location": "http://127.0.0.1:9"
    }))  # fmt: skip
    with pytest.raises(WatermasterError, match="was not reached"):
        open_ticket(project, other.id, "away")
    CLOSE[system.name](the_ticket(system))
    heard = open_project(project.home, tell=said.append, clock=project.ledger.clock)
    assert [one.channel for one in follow_tickets(heard)] == ["ops"]
    assert any("was not reached" in str(one) for one in said)


def test_reaching_it_writes_nothing(project, system):
    assert reach(project, "ops")
    assert {method for method, _, _ in system.asked} == {"GET"}
    assert not reach(project, "nowhere")


@ONE
def test_a_channel_that_cannot_be_meant_is_told(project, finding, system):
    with pytest.raises(NotFoundError, match=r"takes no tickets.*ops"):
        open_ticket(project, finding.id, "chat")
    declare(project, resource("Channel", "second", system.channel))
    with pytest.raises(UsageError, match="several channels take tickets"):
        open_ticket(project, finding.id)


@ONE
def test_what_is_closed_is_found_again_by_the_next_sync_and_not_lost(project, system, finding):
    open_ticket(project, finding.id)
    find(project)
    assert follow_tickets(project) == []  # it stands as it stood
    assert len(system.held) == 1


def test_a_jira_of_ones_own_house_is_searched_where_it_can_be(prepared, monkeypatch):
    monkeypatch.setenv("TICKET_SECRET", SECRET)
    with ticketing("jira") as system:
        system.is_own_house = system.lose_answers = True
        project = anew(prepared, system.channel)
        with pytest.raises(WatermasterError, match="was not reached"):
            open_ticket(project, finding_of(project, RULE))
        (found,) = follow_tickets(project)
        assert found.number == "OPS-1"


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"type": "github", "project": "infra"}, "owner/repository"),
        ({"type": "jira", "project": "ops team"}, "a key such as OPS"),
        ({"type": "jira", "project": "OPS", "secret": None}, "asks who writes"),
        (
            {"type": "github", "project": "a/b", "location": "http://tickets.example"},
            "in the clear",
        ),
    ],
)
def test_a_channel_that_could_not_work_is_told_when_it_is_written(spec, what):
    base = {"location": "https://tickets.example", "secret": "env:KEY"}
    with pytest.raises(ValueError, match=what):
        load_resource({"kind": "Channel", "metadata": {"name": "a"}, "spec": base | spec})
