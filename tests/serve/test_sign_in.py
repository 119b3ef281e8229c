"""People sign in with a provider of identities in a process of its own, some in a real Chromium."""

import dataclasses
import datetime as dt
import ipaddress
import json
import logging
import re
import socket
import ssl
import threading
import urllib.error
import urllib.request
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.testclient import TestClient

from tests.components import free_port
from tests.flows.small import declare, resource
from watermaster.flows.glass import break_glass, end_glass
from watermaster.flows.open import create_project
from watermaster.flows.people import forget_person
from watermaster.flows.tokens import TokenAsked, create_token, revoke_token
from watermaster.ledger.open import utc_clock
from watermaster.ledger.records import AUDIT
from watermaster.model.errors import NotAllowedError, NotFoundError, UsageError
from watermaster.model.identity import Glass, Grant, Right, Role, Sort, Subject
from watermaster.serve.app import create_app

PLANTED = "planted-client-secret-7f3a"
AWAY = (301, 302, 303, 307)


class Moved:
    """The real clock, which a test may push on."""

    def __init__(self):
        self.by, self.at = dt.timedelta(), None

    def __call__(self):
        return (self.at or utc_clock()) + self.by


def made(home, issuer, public_url, monkeypatch, **more):
    monkeypatch.setenv("WM_TEST_SECRET", PLANTED)
    home.mkdir()
    told = {
        "issuer": issuer, "clientId": "watermaster", "clientSecret": "env:WM_TEST_SECRET",
        "publicUrl": public_url, "admins": ["bo@halden.example"],
    } | more  # fmt: skip
    (home / "config.yaml").write_text(json.dumps({"signIn": told, "organisation": "Halden"}))
    project = create_project(home, clock=Moved())
    members = [{"who": "group:platform", "role": "owner"}, {"who": "cy@x", "role": "viewer"}]
    declare(
        project,
        resource("Team", "platform", {"unit": "Platform", "members": members}),
        resource("Team", "claims", {"unit": "Claims"}),
    )
    return project


@pytest.fixture
def project(tmp_path, oidc, monkeypatch):
    return made(tmp_path / "home", oidc, "http://localhost", monkeypatch)


@pytest.fixture
def client(project):
    return TestClient(create_app(project), base_url="http://localhost", follow_redirects=False)


class Stop(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


def at_provider(address, name):
    """What the provider sends the browser back with, once somebody has signed in there."""
    asked = urllib.request.Request(address, urlencode({"sub": name}).encode())
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.build_opener(Stop).open(asked, timeout=10)
    assert told.value.code in AWAY
    told.value.close()
    return told.value.headers["location"]


def begun(client, to="/account"):
    answer = client.get(f"/sign-in/begin?{urlencode({'to': to})}")
    assert answer.status_code == 303
    return answer.headers["location"]


def signed_in(client, name, to="/account"):
    back = at_provider(begun(client, to), name)
    return client.get(back.partition("localhost")[2])


def test_somebody_signs_in_and_is_who_the_provider_says(client):
    assert client.get("/account").headers["location"] == "/sign-in?to=/account"
    answer = signed_in(client, "ada")
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    who = client.get("/api/v1/whoami").json()
    assert who["subject"]["name"] == "ada@halden.example"
    assert who["grants"] == [{"role": "owner", "team": "platform"}]
    assert who["units"] == ["Platform"]
    assert "Ada Berg" in client.get("/account").text


def test_the_question_to_the_provider_carries_state_nonce_and_pkce(client):
    asked = parse_qs(urlsplit(begun(client)).query)
    again = parse_qs(urlsplit(begun(client)).query)
    assert asked["code_challenge_method"] == ["S256"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) >= 43
        assert asked[name] != again[name]


def test_an_answer_holds_once_and_in_the_browser_that_asked(client, project):
    back = at_provider(begun(client), "ada").partition("localhost")[2]
    other = TestClient(create_app(project), base_url="http://localhost", follow_redirects=False)
    begun(other)  # a browser with a sign-in of its own, sent here by somebody else
    assert other.get(back).status_code == 401
    assert client.get(back).status_code == 303
    client.cookies.delete("watermaster")
    assert client.get(back).status_code == 401  # replayed
    assert client.get("/api/v1/whoami").status_code == 401


def test_a_code_of_another_sign_in_is_not_taken(client, project):
    """The attacker's own code under the victim's state: its nonce is of another sign-in."""
    attacker = TestClient(create_app(project), base_url="http://localhost", follow_redirects=False)
    theirs = parse_qs(urlsplit(at_provider(begun(attacker), "bo")).query)
    mine = parse_qs(urlsplit(at_provider(begun(client), "ada")).query)
    forged = urlencode({"code": theirs["code"][0], "state": mine["state"][0]})
    answer = client.get(f"/sign-in/back?{forged}")
    assert answer.status_code == 401
    assert client.get("/api/v1/whoami").status_code == 401


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_signing_in_leads_to_no_other_site(client, to):
    assert signed_in(client, "ada", to).headers["location"] == "/"
    assert client.get(f"/sign-in?{urlencode({'to': to})}").headers["location"] == "/"


def test_another_account_with_the_same_address_is_not_let_in(client):
    signed_in(client, "ada")
    client.cookies.clear()
    answer = signed_in(client, "eve")
    assert answer.status_code == 403
    assert "another account" in answer.text


def test_an_address_nobody_verified_names_nobody(client):
    answer = signed_in(client, "mal")
    assert answer.status_code == 403
    assert client.get("/api/v1/whoami").status_code == 401


def test_a_session_ends_when_it_is_over_unused_or_signed_out(client, project):
    for what in ("over", "unused", "out"):
        project.ledger.clock.by = dt.timedelta()
        signed_in(client, "ada")
        assert client.get("/api/v1/whoami").status_code == 200
        if what == "over":
            for hour in range(1, 13):
                project.ledger.clock.by = dt.timedelta(hours=hour * 0.9)
                client.get("/api/v1/whoami")
            project.ledger.clock.by = dt.timedelta(hours=12, seconds=1)
        elif what == "unused":
            project.ledger.clock.by = dt.timedelta(minutes=61)
        else:
            token = re.search(r'name="token" value="([^"]+)"', client.get("/account").text)[1]
            told = client.post("/sign-out", data={"token": token})
            assert "end_session" in told.text
        assert client.get("/api/v1/whoami").status_code == 401, what
        client.cookies.clear()


def test_a_form_of_another_session_changes_nothing(client, project):
    signed_in(client, "ada")
    other = TestClient(create_app(project), base_url="http://localhost", follow_redirects=False)
    signed_in(other, "bo")
    token = re.search(r'name="token" value="([^"]+)"', other.get("/account").text)[1]
    assert client.post("/sign-out", data={"token": token}).status_code == 403
    assert client.get("/api/v1/whoami").status_code == 200


def test_a_role_taken_in_the_estate_ends_at_once(client, project):
    signed_in(client, "ada")
    assert client.get("/api/v1/sources").status_code == 200
    declare(project, resource("Team", "platform", {"unit": "Platform", "members": []}))
    assert client.get("/api/v1/sources").status_code == 403


def test_a_token_lets_a_program_in_until_it_is_revoked_or_over(client, project):
    ends_at = project.ledger.clock() + dt.timedelta(days=30)
    asked = TokenAsked(name="ci", role=Role.OWNER, teams=["claims"], scopes=[Right.SEE],
                       ends_at=ends_at)  # fmt: skip
    secret = create_token(project, asked).secret
    shown = {"authorization": f"Bearer {secret}"}
    who = client.get("/api/v1/whoami", headers=shown).json()
    assert (who["subject"]["name"], who["rights"]) == ("token/ci", ["see"])
    assert client.get("/api/v1/whoami", auth=("anybody", secret)).status_code == 200
    project.ledger.clock.by = dt.timedelta(days=31)
    assert client.get("/api/v1/whoami", headers=shown).status_code == 401
    project.ledger.clock.by = dt.timedelta()
    revoke_token(project, "ci")
    assert client.get("/api/v1/whoami", headers=shown).status_code == 401


def test_broken_glass_gives_a_role_for_a_time_and_every_page_says_so(client, project):
    signed_in(client, "ada")
    assert "approve" not in client.get("/api/v1/whoami").json()["rights"]
    now = project.ledger.clock()
    asked = Glass(id="", subject="Ada@halden.example", role=Role.APPROVER, team="platform",
                  why="INC-7 <b>", at=now, ends_at=now + dt.timedelta(minutes=30))  # fmt: skip
    made = break_glass(project, asked)
    assert "approve" in client.get("/api/v1/whoami").json()["rights"]
    assert "INC-7 &lt;b&gt;" in client.get("/account").text
    project.ledger.clock.by = dt.timedelta(minutes=31)
    assert "approve" not in client.get("/api/v1/whoami").json()["rights"]
    assert "Glass is broken" not in client.get("/account").text
    project.ledger.clock.by = dt.timedelta()
    end_glass(project, made.id)
    assert "approve" not in client.get("/api/v1/whoami").json()["rights"]
    for wrong in ({"why": " "}, {"ends_at": now + dt.timedelta(hours=5)}, {"ends_at": now}):
        with pytest.raises(UsageError):
            break_glass(project, dataclasses.replace(asked, **wrong))


def test_nobody_gives_a_program_more_than_they_hold(project):
    ends_at = project.ledger.clock() + dt.timedelta(days=1)
    owner = Subject(name="o@x", sort=Sort.PERSON, grants=(Grant(role=Role.OWNER, team="claims"),))
    mine = dataclasses.replace(project, actor=owner.name, subject=owner)
    held = TokenAsked(name="t", role=Role.OWNER, teams=["claims"], ends_at=ends_at)
    assert create_token(mine, held).token.made_by == "o@x"
    for more in ({"teams": ["platform"]}, {"teams": []}, {"role": Role.ADMIN, "teams": []}):
        with pytest.raises(NotAllowedError):
            create_token(mine, dataclasses.replace(held, name="u", **more))
    with pytest.raises(UsageError, match="approves nothing"):
        create_token(project, dataclasses.replace(held, name="v", role=Role.APPROVER,
                                                  scopes=[Right.APPROVE]))  # fmt: skip
    created = create_token(project, dataclasses.replace(held, name="w"))
    with pytest.raises(NotFoundError):
        revoke_token(mine, created.token.name)  # of somebody else: not even seen


def form_of(client, path, **fields):
    """Send a form with the token that the page carries."""
    token = re.search(r'name="token" value="([^"]+)"', client.get("/account").text)[1]
    return client.post(path, data={"token": token} | fields)


def test_who_is_barred_is_out_at_once_with_all_they_made(client, project):
    signed_in(client, "ada")
    made = form_of(client, "/tokens", name="hers", role="owner", team="platform", days="9")
    secret = re.search(r"wmt_[\w-]+", made.text)[0]
    assert made.headers["cache-control"] == "no-store"
    assert secret not in client.get("/tokens").text
    shown = {"authorization": f"Bearer {secret}"}
    assert client.get("/api/v1/sources", headers=shown).status_code == 200
    assert client.get("/roles").status_code == 403
    admin = TestClient(create_app(project), base_url="http://localhost", follow_redirects=False)
    signed_in(admin, "bo")
    page = admin.get("/roles").text
    assert "Ada Berg" in page
    assert "Owner platform" in page
    assert form_of(admin, "/roles/bo@halden.example/bar").status_code == 409
    assert form_of(admin, "/roles/ada@halden.example/bar").status_code == 303
    assert client.get("/api/v1/whoami").status_code == 401
    assert client.get("/api/v1/sources", headers=shown).status_code == 401
    assert signed_in(client, "ada").status_code == 403
    assert form_of(admin, "/roles/ada@halden.example/admit").status_code == 303
    assert signed_in(client, "ada").status_code == 303


def test_a_name_goes_to_another_account_only_when_an_administrator_says_so(client, project):
    signed_in(client, "ada")
    client.cookies.clear()
    assert signed_in(client, "eve").status_code == 403
    forget_person(project, "ada@halden.example")
    assert signed_in(client, "eve").status_code == 303
    client.cookies.clear()
    assert signed_in(client, "ada").status_code == 403


def test_tokens_and_glass_by_rest_are_as_by_page(client, project):
    signed_in(client, "bo")
    wanted = {"name": "r", "role": "viewer", "teams": ["claims"], "days": 3}
    made = client.post("/api/v1/tokens", json=wanted)
    assert made.json()["secret"].startswith("wmt_")
    assert client.post("/api/v1/tokens", json=wanted).status_code == 400  # the name is taken
    assert client.post("/api/v1/tokens", json=wanted | {"days": 0}).status_code == 400
    assert client.delete("/api/v1/tokens/r").status_code == 200
    assert [t["revoked_by"] for t in client.get("/api/v1/tokens").json()] == ["bo@halden.example"]
    asked = {"subject": "bo@halden.example", "role": "approver", "why": "INC-1", "minutes": 5}
    glass = client.post("/api/v1/glass", json=asked).json()
    assert "approve" in client.get("/api/v1/whoami").json()["rights"]
    assert client.delete(f"/api/v1/glass/{glass['id']}").status_code == 200
    assert "approve" not in client.get("/api/v1/whoami").json()["rights"]


def test_a_thousand_attempts_in_a_minute_are_throttled(client, project):
    now = utc_clock().replace(second=0)
    project.ledger.clock.at = now
    answers = [
        client.get("/api/v1/whoami", headers={"authorization": f"Bearer wmt_{i}"}).status_code
        for i in range(1000)
    ]
    assert answers.count(401) == 20
    assert answers.count(429) == 980
    assert client.get("/sign-in/begin").status_code == 429
    assert client.get("/live").status_code == 200


def test_no_secret_is_kept_or_logged(client, project, tmp_path, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    signed_in(client, "ada")
    cookie = client.cookies["watermaster"]
    token = create_token(
        project,
        TokenAsked(name="x", role=Role.VIEWER, ends_at=project.ledger.clock() + dt.timedelta(1)),
    ).secret
    client.get("/api/v1/whoami", headers={"authorization": f"Bearer {token}"})
    client.get("/api/v1/whoami", headers={"authorization": "Bearer wmt_planted-wrong-one"})
    client.get("/sign-in/back?code=planted-code&state=planted-state")
    own = [one.getMessage() for one in caplog.records if one.name != "httpx2"]  # the test's own
    said = "\n".join([*own, *capfd.readouterr()])
    held = b"".join(p.read_bytes() for p in (tmp_path / "home").rglob("*") if p.is_file())
    for secret in (PLANTED, cookie, token):
        assert secret not in said
        assert secret.encode() not in held
    assert "planted-wrong-one" not in said
    assert "planted-code" not in said
    with project.ledger.records.connect() as connection:
        actions = [row.action for row in connection.execute(AUDIT.select())]
    assert {"sign-in", "token-made"} <= set(actions)


def test_who_has_no_role_is_told_so_and_shown_nothing(client):
    signed_in(client, "newcomer@halden.example")
    page = client.get("/costs")
    assert page.status_code == 403
    assert "newcomer@halden.example has no right to see" in page.text
    assert "no role yet" in client.get("/account").text


# ---- in a browser, over TLS ----


@pytest.fixture
def served(tmp_path, oidc, monkeypatch):
    """The server over https, with a certificate of its own."""
    port = free_port()
    project = made(tmp_path / "tls", oidc, f"https://localhost:{port}", monkeypatch)
    chain, key = certificate(tmp_path)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("127.0.0.1", port))
        config = uvicorn.Config(
            create_app(project), log_level="warning", ssl_certfile=chain, ssl_keyfile=key
        )
        server = uvicorn.Server(config)
        running = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        running.start()
        while not server.started:
            threading.Event().wait(0.05)
        yield f"https://localhost:{port}"
        server.should_exit = True
        running.join(30)


def certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - dt.timedelta(1))
        .not_valid_after(now + dt.timedelta(1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "chain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "chain.pem", folder / "key.pem"


def test_a_person_signs_in_and_out_in_a_browser(chromium, served, axe):
    context = chromium.new_context(ignore_https_errors=True, bypass_csp=True)
    page = context.new_page()
    page.goto(f"{served}/account")
    assert page.url == f"{served}/sign-in?to=/account"
    assert page.get_by_role("navigation").locator("a.n").count() == 0
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(r => r.violations.map(v => v.id))") == []
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("button", name="ada").click()
    page.wait_for_url(f"{served}/account")
    assert page.locator("h1").inner_text() == "Ada Berg"
    cookies = {one["name"]: one for one in context.cookies(served)}
    held = cookies["__Host-watermaster"]
    assert (held["secure"], held["httpOnly"], held["sameSite"]) == (True, True, "Lax")
    assert "__Host-watermaster-begun" not in cookies
    assert page.evaluate("document.cookie") == ""
    page.evaluate(axe)
    assert page.evaluate("axe.run().then(r => r.violations.map(v => v.id))") == []
    page.get_by_role("button", name="Sign out", exact=True).click()
    page.wait_for_url(re.compile("end_session"))
    page.goto(f"{served}/")
    assert page.url.startswith(f"{served}/sign-in")
    context.close()


def test_tls_is_what_the_server_speaks(served):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with urllib.request.urlopen(f"{served}/live", context=context, timeout=10) as told:
        assert told.read() == b"ok\n"
