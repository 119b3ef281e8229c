"""What is written as YAML is read back as the same resource."""

from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermaster.declare.estate import read_estate
from watermaster.declare.write import to_yaml
from watermaster.model.resources import load_resource

NASTY = ["yes", "007", "1e3", "null", "~", "- a", "a: b", "#x", "0x1F", "2026-01-01", "1.50", " a ",
         "", "true", "<<", "=", "'", '"', "a\nb", "[x]", "{x", "&a", "*a", "!t", "%d",
         "ä€\u2028"]  # fmt: skip
words = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12),
)


def read_back(text: str):
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.yaml").write_text(text, encoding="utf-8")
        return [one.resource for one in read_estate([folder])]


@given(st.dictionaries(words, words, max_size=4), words, words)
def test_any_text_comes_back_as_it_was(labels, unit, account):
    documents = [
        {
            "kind": "Team",
            "metadata": {"name": name, "labels": labels, "validFrom": "2026-03-01T05:06:07Z"},
            "spec": {"unit": unit, "selectors": [{"account": account}]},
        }
        for name in ("a", "b")
    ]
    resources = [load_resource(document) for document in documents]
    assert read_back(to_yaml(resources)) == resources


@given(st.decimals("0", "99999999999.999999999999999", places=15), st.integers(1, 240))
def test_any_amount_comes_back_to_the_last_digit(amount, months):
    capex = {"amount": str(amount), "from": "2026-01-01", "months": months}
    spec = {"platform": "p", "accelerator": "H", "count": 1, "cost": {"capex": capex}}
    platform = {"kind": "Platform", "metadata": {"name": "p"}, "spec": {"type": "slurm"}}
    pool = load_resource({"kind": "Pool", "metadata": {"name": "a"}, "spec": spec})
    resources = [load_resource(platform), pool]
    found = read_back(to_yaml(resources))
    assert found == resources
    assert found[1].spec.cost.capex.amount.as_tuple() == Decimal(str(amount)).as_tuple()


@pytest.mark.parametrize("word", NASTY)
def test_words_that_yaml_would_take_for_something_else_stay_words(word):
    team = load_resource({"kind": "Team", "metadata": {"name": "a", "labels": {"k": word}},
                          "spec": {"unit": "u"}})  # fmt: skip
    assert read_back(to_yaml([team]))[0].metadata.labels == {"k": word}
