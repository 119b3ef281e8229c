"""The pages in a real Chromium: nothing outside, no sideways scroll, WCAG 2.2 AA, no JavaScript."""

from urllib.parse import urlsplit

import pytest

PATHS = (
    "/", "/costs", "/estate", "/estate/workload/chat-assist", "/tags", "/capacity", "/findings",
    "/review", "/tokens", "/roles", "/account", "/models/claims-triage", "/models/claims-triage/13",
    "/costs?group=workload", "/estate/models", "/estate/things", "/estate/dataset/notes",
    "/estate/thing/pod/k8s-oslo/contact/chat-0", "/?month=2031-01", "/costs?q=nothing-is-so-named",
)  # fmt: skip


def opened(chromium, address, path, **settings):
    size = {"width": settings.pop("width", 1280), "height": 800}
    context = chromium.new_context(viewport=size, **settings)
    page = context.new_page()
    page.goto(f"{address}{path}", wait_until="load")  # nothing is asked for later
    return page


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        ("light", 1280), ("dark", 390),
        pytest.param("dark", 1280, marks=pytest.mark.deep),
        pytest.param("light", 390, marks=pytest.mark.deep),
    ],
)  # fmt: skip
def test_no_accessibility_rule_is_broken(chromium, address, axe, path, scheme, width):
    page = opened(chromium, address, path, color_scheme=scheme, width=width, bypass_csp=True)
    page.evaluate(axe)
    broken = page.evaluate(
        "axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa', 'best-practice']})"
        ".then(r => r.violations.map(v => [v.id, v.nodes.map(n => n.html.slice(0, 150))]))"
    )
    page.context.close()
    assert broken == []


@pytest.mark.parametrize("path", PATHS)
def test_no_page_scrolls_sideways(chromium, address, path):
    page = opened(chromium, address, path, width=390)
    wide = {}
    for width in (390, 820, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        wide[width] = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()
    assert all(found <= width for width, found in wide.items()), wide


def test_a_page_asks_nothing_of_others_and_says_nothing_on_the_console(chromium, address):
    context = chromium.new_context()
    page = context.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(urlsplit(request.url).netloc))
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in PATHS[:3]:
        page.goto(f"{address}{path}", wait_until="networkidle")
    page.locator("th a").first.click()
    page.wait_for_url("**sort=**")
    context.close()
    assert set(asked) - {""} == {urlsplit(address).netloc}
    assert said == []


def test_the_first_load_is_at_most_120_kb(chromium, address):
    context = chromium.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    got = []
    session.on("Network.loadingFinished", lambda event: got.append(event["encodedDataLength"]))
    page.goto(address, wait_until="networkidle")
    context.close()
    assert 0 < sum(got) <= 120_000


@pytest.mark.parametrize("has_script", [True, False], ids=["with script", "without script"])
def test_a_head_sorts_and_the_address_keeps_it(chromium, address, has_script):
    page = opened(chromium, address, "/costs", java_script_enabled=has_script)
    page.get_by_role("link", name="Resource").first.click()
    page.wait_for_url("**sort=-resource")
    page.locator("th[aria-sort=descending]", has_text="Resource").wait_for()
    page.go_back()
    page.locator("th[aria-sort=descending]", has_text="Cost").wait_for()
    assert page.locator("nav.side").count() == 1
    page.context.close()


def test_the_month_can_be_chosen_without_script(chromium, address):
    page = opened(chromium, address, "/", java_script_enabled=False)
    page.get_by_label("Month", exact=True).select_option("2026-09")
    page.get_by_role("button", name="Show").click()
    assert page.locator("h1").inner_text().startswith("September cost")
    page.context.close()


def test_the_month_is_taken_at_once_with_script(chromium, address):
    page = opened(chromium, address, "/")
    page.get_by_label("Month", exact=True).select_option("2026-09")
    page.wait_for_url("**month=2026-09*")
    page.context.close()


def test_a_search_replaces_the_table_while_one_types(chromium, address):
    page = opened(chromium, address, "/costs")
    page.keyboard.press("/")
    page.keyboard.type("chat-assist")
    page.wait_for_url("**q=chat-assist*")
    page.locator("tfoot", has_text="62 parts").wait_for()
    page.locator("#head", has_text="over 62 parts").wait_for()
    assert "q=chat-assist" in page.get_by_role("link", name="as CSV").get_attribute("href")
    page.get_by_role("link", name="Workload", exact=True).first.click()
    page.wait_for_url("**q=chat-assist&group=workload")
    page.context.close()


def test_the_last_column_stays_in_sight_on_a_phone(chromium, address):
    page = opened(chromium, address, "/costs", width=390)
    box = page.locator("#rows tbody td:last-child").first.bounding_box()
    page.context.close()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390


@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_printed_wider_than_its_paper(chromium, address, path):
    page = opened(chromium, address, path, width=690)
    page.emulate_media(media="print")
    wide = page.evaluate("document.documentElement.scrollWidth")
    page.context.close()
    assert wide <= 690


def test_print_is_light_and_cuts_no_drawing(chromium, address):
    page = opened(chromium, address, "/costs", color_scheme="dark", width=690)
    page.emulate_media(media="print")
    ground = page.evaluate("getComputedStyle(document.querySelector('.card')).backgroundColor")
    drawn = page.locator("svg.sankey").bounding_box()
    page.context.close()
    assert ground == "rgb(255, 255, 255)"
    assert drawn["x"] + drawn["width"] <= 690


def test_the_theme_follows_the_system_and_can_be_chosen(chromium, address):
    page = opened(chromium, address, "/", color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Switch between light and dark").click()
    light = page.evaluate(ground)
    page.reload()
    assert page.evaluate(ground) == light != dark
    page.context.close()


def test_a_part_of_the_flow_filters_the_list(chromium, address):
    page = opened(chromium, address, "/costs")
    page.locator(".sankey a[aria-label^='slurm-oslo, ']").click()
    page.wait_for_url("**platform=slurm-oslo*")
    page.get_by_role("link", name="Remove filter platform slurm-oslo").click()
    page.wait_for_url("**/costs")
    page.context.close()


def test_a_review_is_decided_with_the_keyboard_alone(chromium, address):
    page = opened(chromium, address, "/review")
    waiting = page.locator("form[action*='/decide/']").count()
    assert waiting > 1
    for _ in range(300):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "why":
            break
    page.keyboard.type("who needs it?")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.value") == "ask":
            break
    with page.expect_navigation():
        page.keyboard.press("Enter")
    left = page.locator("form[action*='/decide/']").count()
    told = page.get_by_text("who needs it?").first.is_visible()
    page.context.close()
    assert (left, told) == (waiting - 1, True)
