"""Every rule that can be found is on its page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
RULE = re.compile(r'"([a-z]+(?:-[a-z]+)+)"')


def test_every_rule_of_the_estate_is_described():
    page = (ROOT / "docs/reference/findings.md").read_text(encoding="utf-8")
    told = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", page))
    made = set()
    for file in (ROOT / "src/watermaster/decide/estate").glob("*.py"):
        text = file.read_text(encoding="utf-8")
        made |= {
            word for word in RULE.findall(text)
            if word.split("-")[0] in {"undeclared", "unowned", "ambiguous", "gone", "inactive",
                                      "oversized", "orphaned", "declared", "zombie", "duplicate",
                                      "model", "data", "purpose", "profile"}
            and word not in {"data-preparation", "model-version", "declared-only"}
        }  # fmt: skip
    assert {"inactive-gpu", "unowned-resource"} <= made
    assert made <= told, sorted(made - told)
