"""One good document, one bad for each fault: file, line, column, what is wrong, what to write."""

import textwrap
from pathlib import Path

import pytest

from watermaster.declare.estate import read_estate
from watermaster.declare.selectors import equal_selectors
from watermaster.model.errors import BadResourceError, BadResourcesError, NotFoundError
from watermaster.model.estate import Estate
from watermaster.model.resources import KINDS

GOOD = {
    "Team": "spec: {unit: Retail, costCenter: '4711', selectors: [{account: '1'}]}",
    "Source": "spec: {type: focus, location: bills/*.csv}",
    "Platform": "spec: {type: slurm, country: DE}",
    "Pool": "spec: {platform: a, accelerator: H100, count: 8}",
    "Dataset": "spec: {locations: [s3://a], classification: personal}",
    "Model": "spec: {purpose: chat}",
    "Workload": "spec: {purpose: training, model: a, datasets: [a], selectors: [{namespace: a}]}",
    "AllocationRule": "spec: {match: [{service: S}], split: fixed, shares: {a: 0.25, b: 0.75}}",
    "TagPolicy": "spec: {tags: [{key: app, required: true}]}",
    "TagRepair": "spec: {key: app, spellings: [App], values: {cht: chat}}",
    "Channel": "spec: {type: webhook, location: 'https://hooks.example/a', secret: 'env:KEY'}",
    "Target": "spec: {type: kubernetes, platform: fra, verbs: [scale]}",
    "VirtualTag": "spec: {key: app, value: chat, match: [{account: '1'}], from: 2026-10-01}",
    "PriceSheet": "spec: {source: ECB, rates: [{day: 2026-01-01, currency: EUR, rate: 1.08}]}",
    "Outcome": "spec: {measure: letters answered, valuePerUnit: 2.5, source: a, approvedBy: a, "
    "workload: a}",
    "Gate": "spec: {require: [{name: safe, condition: evidence.scan.critical == 0}]}",
    "Commitment": "spec: {provider: AWS, commitmentId: c, pool: a, from: 2026-01-01, months: 12}",
}


def document(kind: str, spec: str, metadata: str = "{name: a}") -> str:
    return f"apiVersion: watermaster/v1\nkind: {kind}\nmetadata: {metadata}\n{spec}\n"


def faults(folder: Path, text: str, known: Estate | None = None) -> list[str]:
    """Every fault of a file, without the folder's name."""
    path = folder / "a.yaml"
    path.write_text(textwrap.dedent(text))
    with pytest.raises(BadResourcesError) as told:
        read_estate([str(folder)], known)
    return [str(error).removeprefix(f"{folder}/") for error in told.value.errors]


def test_a_good_document_of_every_kind_is_taken(tmp_path):
    assert set(GOOD) == set(KINDS)
    every = [document(kind, spec) for kind, spec in GOOD.items()]
    every.append(document("Team", GOOD["Team"], "{name: b, owner: a, validFrom: 2026-03-01}"))
    (tmp_path / "a.yaml").write_text("---\n".join(every))
    found = read_estate([str(tmp_path)])
    assert [one.resource.kind for one in found] == [*GOOD, "Team"]
    assert str(found[-1].resource.metadata.valid_from) == "2026-03-01 00:00:00+00:00"


BAD = {
    "unknown key": (
        document("Team", "spec: {unit: Retail, costCentre: x}"),
        "a.yaml:4:22: Team a: spec has no key 'costCentre'; write costCenter",
    ),
    "unknown key unlike all": (
        document("TagPolicy", "spec: {tags: [{key: app, zzz: 1}]}"),
        "a.yaml:4:26: TagPolicy a: spec.tags.0 has no key 'zzz'; "
        "keys here are key, required, values, aliases, inherit",
    ),
    "unknown top key": (
        document("Team", "spec: {unit: Retail}\nstatus: {}"),
        "a.yaml:5:1: unknown key 'status'; keys are apiVersion, kind, metadata, spec",
    ),
    "missing key": (
        document("Team", "spec: {costCenter: x}"),
        "a.yaml:4:7: Team a: spec.unit is missing; add unit (business unit)",
    ),
    "missing spec": (
        document("Team", ""),
        "a.yaml:1:1: Team a: spec.unit is missing; add unit (business unit)",
    ),
    "unknown kind": (
        document("Temas", "spec: {}"),
        "a.yaml:2:7: unknown kind 'Temas'; write Team",
    ),
    "a condition that names nothing": (
        document("Gate", "spec: {require: [{name: safe, condition: evidence.scan.critcal == 0}]}"),
        "a.yaml:4:42: Gate a: safe: 'evidence.scan.critcal' is nothing that is known; "
        "write evidence.scan.critical",
    ),
    "a condition of the wrong type": (
        document("Gate", "spec: {require: [{name: f, condition: evidence.latency.p95_ms < 2}]}"),
        "a.yaml:4:39: Gate a: f at column 25: found no matching overload for '_<_' "
        "applied to '(double, int)'; write the number with a point: 200.0",
    ),
    "no kind": (
        "apiVersion: watermaster/v1\nmetadata: {name: a}\n",
        f"a.yaml:1:1: kind is missing; write one of {', '.join(KINDS)}",
    ),
    "wrong version": (
        "apiVersion: v1\nkind: Team\nmetadata: {name: a}\nspec: {unit: a}\n",
        "a.yaml:1:13: apiVersion is 'v1'; "
        "write apiVersion: watermaster/v1 (or openslo/v1 for OpenSLO documents)",
    ),
    "bad name": (
        document("Team", "spec: {unit: a}", "{name: My Team}"),
        "a.yaml:3:18: Team My Team: metadata.name is 'My Team'; "
        "write small letters, digits, '-' and '.', at most 63, such as chat-prod",
    ),
    "bad choice": (
        document("Workload", "spec: {purpose: trainin}"),
        "a.yaml:4:17: Workload a: spec.purpose is 'trainin'; write training (one of "
        "data-preparation, training, fine-tuning, evaluation, batch-inference, "
        "online-inference, experiment)",
    ),
    "a number where text belongs": (
        document("Team", "spec: {unit: a, selectors: [{account: 123456789012}]}"),
        "a.yaml:4:39: Team a: spec.selectors.0.account is 123456789012; "
        'write it in quotes: "123456789012"',
    ),
    "text where a number belongs": (
        document("Dataset", "spec: {bytes: many}"),
        "a.yaml:4:15: Dataset a: spec.bytes is 'many'; write a whole number",
    ),
    "a number out of range": (
        document("Dataset", "spec: {retentionDays: 0}"),
        "a.yaml:4:23: Dataset a: spec.retentionDays is 0; write a value greater than 0",
    ),
    "a bad date": (
        document("Workload", "spec: {purpose: training, endDate: soon}"),
        "a.yaml:4:36: Workload a: spec.endDate is 'soon'; write a date such as 2026-10-01",
    ),
    "a bad time": (
        document("Team", "spec: {unit: a}", "{name: a, validFrom: soon}"),
        "a.yaml:3:32: Team a: metadata.validFrom is 'soon'; "
        "write a time such as 2026-10-01T00:00:00Z",
    ),
    "a bad currency": (
        document("PriceSheet", "spec: {source: s, currency: euro}"),
        "a.yaml:4:29: PriceSheet a: spec.currency is 'euro'; "
        "write three capital letters such as EUR",
    ),
    "a list where a mapping belongs": (
        document("Team", "spec: {unit: a, contacts: [x]}"),
        "a.yaml:4:27: Team a: spec.contacts is a list; write key: value below it",
    ),
    "a mapping where a list belongs": (
        document("Dataset", "spec: {countries: DE}"),
        "a.yaml:4:19: Dataset a: spec.countries is 'DE'; write a list: - item",
    ),
    "an empty list": (
        document("TagPolicy", "spec: {tags: []}"),
        "a.yaml:4:14: TagPolicy a: spec.tags is an empty list; write at least one item",
    ),
    "a selector without terms": (
        document("Workload", "spec: {purpose: training, selectors: [{user: u}, {}]}"),
        "a.yaml:4:50: Workload a: spec.selectors.1: a selector without terms would match "
        "everything; write at least one term",
    ),
    "shares that do not sum to 1": (
        document("AllocationRule", "spec: {match: [{user: u}], split: fixed, shares: {a: 0.9}}")
        + "---\n" + document("Team", "spec: {unit: u}"),
        "a.yaml:4:50: AllocationRule a: spec: shares sum to 0.9; make them sum to exactly 1",
    ),
    "fixed without shares": (
        document("AllocationRule", "spec: {match: [{user: u}], split: fixed}"),
        "a.yaml:4:35: AllocationRule a: spec: split: fixed and shares go together; "
        "write both or neither",
    ),
    "a time zone that is none": (
        document("Source", "spec: {type: slurm, location: x, timeZone: Europe/Berlinn}"),
        "a.yaml:4:44: Source a: spec.timeZone: 'Europe/Berlinn' is no time zone; "
        "write Europe/Berlin",
    ),
    "a schedule that is none": (
        document("Source", "spec: {type: slurm, location: x, schedule: daily}"),
        "a.yaml:4:44: Source a: spec.schedule: 'daily' is no schedule "
        "(Wrong number of fields); write five fields, e.g. 0 6 * * *",
    ),
    "an anchor in itself": (
        document("Team", "spec: &a {unit: u, contacts: {x: *a, y: *a}}").replace("&a", "&a"),
        "a.yaml:4:7: has too many values in it; do not let anchors repeat anchors",
    ),
    "brackets in brackets": ("[" * 20_000, "a.yaml:1:1: is nested too deep; write it flatter"),
    "an hour that is none": (
        document("Pool", "spec: {platform: a, accelerator: H, count: 1, cost: {power: "
                 "{ratedWattsPerGpu: 7, tariff: [{pricePerKwh: 1, hours: [24]}]}}}"),
        "a.yaml:4:117: Pool a: spec.cost.power.tariff.0.hours.0 is 24; "
        "write a value less than or equal to 23",
    ),
    "hours without a price": (
        document("Pool", "spec: {platform: a, accelerator: H, count: 1, cost: {power: "
                 "{ratedWattsPerGpu: 7, tariff: [{pricePerKwh: 1, hours: [0, 1]}, {pricePerKwh: "
                 "1, hours: [2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21]}]}}}")
        + "---\n" + document("Platform", "spec: {type: slurm}"),
        "a.yaml:4:91: Pool a: spec.cost.power: tariff has no price for the hours 22, 23; "
        "add one without hours",
    ),
    "more left than was bought": (
        document("Pool", "spec: {platform: a, accelerator: H, count: 1, cost: {capex: "
                 "{amount: 5, residual: 6, from: 2026-01-01, months: 36}}}"),
        "a.yaml:4:83: Pool a: spec.cost.capex: residual 6 is over the amount 5; write less",
    ),
    "a tag key twice": (
        document("TagPolicy", "spec: {tags: [{key: app}, {key: name, aliases: [app]}]}"),
        "a.yaml:4:14: TagPolicy a: spec: tags name app more than once; "
        "keep each key and alias once",
    ),
    "a key twice": (
        document("Team", "spec: {unit: a, unit: b}"),
        "a.yaml:4:17: key 'unit' is here twice; keep one",
    ),
    "no mapping": ("- a\n", "a.yaml:1:1: is no resource; "
                            "write apiVersion, kind, metadata, spec as keys"),
    "no YAML": (
        "kind: [Team\nmetadata: {}\n",
        "a.yaml:2:9: is not YAML: while parsing a flow sequence expected ',' or ']', "
        "but got ':'; mend the indentation or the quotes",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "told"), BAD.values(), ids=BAD.keys())
def test_a_fault_is_told_with_its_place_and_its_mend(tmp_path, text, told):
    assert faults(tmp_path, text) == [told]


POOL = """
    apiVersion: watermaster/v1
    kind: Platform
    metadata: {name: fra}
    spec: {type: slurm}
    ---
    apiVersion: watermaster/v1
    kind: Pool
    metadata: {name: h100}
    spec:
      platform: fra
      accelerator: H100
      count: 8
      cost:
        bills: [{account: "1"}]
        COVERS
        power: {ratedWattsPerGpu: 700, tariff: [{pricePerKwh: 0.2}]}
"""


def test_a_cost_component_comes_from_bills_or_is_declared_never_both(tmp_path):
    text = textwrap.dedent(POOL).lstrip()
    assert faults(tmp_path, text.replace("COVERS", "covers: [power, space]")) == [
        "a.yaml:16:12: Pool h100: spec.cost: power: from bills and declared; keep one of the two"
    ]
    assert faults(tmp_path, text.replace("COVERS\n", "\n")) == [
        "a.yaml:14:12: Pool h100: spec.cost: bills are there beside a declared power; "
        "say in covers which components the bills carry"
    ]
    (tmp_path / "a.yaml").write_text(text.replace("COVERS", "covers: [capex, space]"))
    assert len(read_estate([str(tmp_path)])) == 2


def test_every_fault_of_every_file_is_told_at_once_in_order(tmp_path):
    (tmp_path / "b.yaml").write_text(document("Team", "spec: {}", "{name: b}"))
    told = faults(tmp_path, document("Pol", "spec: {}") + "---\n" + document("Model", "spec: {}"))
    assert told == [
        "a.yaml:2:7: unknown kind 'Pol'; write Pool",
        "a.yaml:9:7: Model a: spec.purpose is missing; add purpose",
        "b.yaml:4:7: Team b: spec.unit is missing; add unit (business unit)",
    ]


REFERENCES = {
    "owner": ("Model", "spec: {purpose: p}", "{name: a, owner: paymentz}", 3, 28,
              "metadata.owner names the Team 'paymentz'", "write payments"),
    "platform": ("Pool", "spec: {platform: mars, accelerator: H, count: 1}", "{name: a}", 4, 18,
                 "spec.platform names the Platform 'mars'",
                 "declare it, or name a Platform that is"),
    "model": ("Workload", "spec: {purpose: training, model: m}", "{name: a}", 4, 34,
              "spec.model names the Model 'm'", "declare it, or name a Model that is"),
    "datasets": ("Workload", "spec: {purpose: training, datasets: [d]}", "{name: a}", 4, 38,
                 "spec.datasets.0 names the Dataset 'd'",
                 "declare it, or name a Dataset that is"),
    "to": ("AllocationRule", "spec: {match: [{account: u}], split: even, to: [payment, cash]}",
           "{name: a}", 4, 49, "spec.to.0 names the Team 'payment'", "write payments"),
    "shares": ("AllocationRule", "spec: {match: [{account: u}], split: fixed, shares: {paymnt: 1}}",
               "{name: a}", 4, 62, "spec.shares.paymnt names the Team 'paymnt'", "write payments"),
    "pool": ("Commitment", "spec: {provider: p, commitmentId: c, pool: x, from: 2026-01-01, "
             "months: 1}", "{name: a}", 4, 44, "spec.pool names the Pool 'x'",
             "declare it, or name a Pool that is"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFERENCES.values(), ids=REFERENCES.keys())
def test_a_name_that_is_nowhere_is_told(tmp_path, case):
    kind, spec, metadata, line, column, what, fix = case
    teams = [document("Team", "spec: {unit: u}", f"{{name: {n}}}") for n in ("payments", "cash")]
    text = "---\n".join([document(kind, spec, metadata), *teams])
    assert faults(tmp_path, text) == [
        f"a.yaml:{line}:{column}: {kind} a: {what}, which is nowhere; {fix}"
    ]


def test_a_name_may_stand_twice_only_with_another_start(tmp_path):
    twice = [document("Team", "spec: {unit: a}"), document("Team", "spec: {unit: b}")]
    assert faults(tmp_path, "---\n".join(twice)) == [
        f"a.yaml:8:18: Team a is declared already at {tmp_path}/a.yaml:3:18; "
        "remove one, or give each its own validFrom"
    ]
    twice[1] = twice[1].replace("{name: a}", "{name: a, validFrom: 2026-02-01}")
    (tmp_path / "a.yaml").write_text("---\n".join(twice))
    assert len(read_estate([str(tmp_path)])) == 2


def test_two_tag_keys_may_not_share_a_column(tmp_path):
    text = document("TagPolicy", "spec: {tags: [{key: cost-center}, {key: app}]}") + "---\n"
    text += document("Team", "spec: {unit: u, selectors: [{tags: {Cost_Center: x}}]}")
    assert faults(tmp_path, text) == [
        "a.yaml:9:50: tag key 'Cost_Center' would share the column tag_cost_center with "
        f"'cost-center' ({tmp_path}/a.yaml:4:21); "
        "declare one spelling, and the other under aliases of a TagPolicy"
    ]


def test_a_selector_that_can_never_match_is_refused(tmp_path):
    text = document("Workload", "spec: {purpose: training, selectors: [{account: a, user: u}, "
                    "{namespace: n, tags: {app: x}}]}")  # fmt: skip
    assert faults(tmp_path, text) == [
        "a.yaml:4:62: Workload a: spec.selectors.1: tags is of bill rows, namespace of what ran; "
        "nothing has both; write them as two selectors"
    ]
    text = document("AllocationRule", "spec: {match: [{service: s}, {namespace: n}], split: cost}")
    assert faults(tmp_path, text) == [
        "a.yaml:4:30: AllocationRule a: spec.match.1: matches bill rows, and they have no "
        "namespace; select by account, provider, region, resourceId, service, tags"
    ]


def test_equal_selectors_are_told_because_they_decide_nothing(tmp_path):
    both = "spec: {purpose: training, selectors: [{namespace: n}]}"
    texts = [document("Workload", both, f"{{name: {name}}}") for name in ("b", "a")]
    (tmp_path / "a.yaml").write_text("---\n".join(texts))
    found = read_estate([str(tmp_path)])
    assert equal_selectors(one.resource for one in found) == [
        "Workload a and b have one selector (namespace: n); what it matches stays unallocated"
    ]
    assert equal_selectors(one.resource for one in found[:1]) == []


def test_an_openslo_document_stands_beside_ours_untouched(tmp_path):
    (tmp_path / "slo.yaml").write_text(
        "apiVersion: openslo/v1\nkind: SLO\nmetadata: {name: chat-latency, displayName: Chat}\n"
        "spec: {service: chat, objectives: [{target: 0.99, timeSliceWindow: 1m}]}\n"
    )
    (one,) = read_estate([str(tmp_path)])
    assert one.resource.key == ("SLO", "chat-latency")
    assert one.resource.spec == {
        "apiVersion": "openslo/v1",
        "kind": "SLO",
        "metadata": {"name": "chat-latency", "displayName": "Chat"},
        "spec": {"service": "chat", "objectives": [{"target": 0.99, "timeSliceWindow": "1m"}]},
    }


def test_money_is_read_from_its_text_and_anchors_are_followed(tmp_path):
    prices = "[&p {sku: a, unit: h, price: 0.123456789012345}, {<<: *p, sku: b}, {<<: *p}]"
    text = document("PriceSheet", f"spec: {{source: s, prices: {prices}}}")
    (tmp_path / "a.yaml").write_text(text)
    (one,) = read_estate([str(tmp_path)])
    assert [str(price.price) for price in one.resource.spec.prices] == ["0.123456789012345"] * 3
    assert [price.sku for price in one.resource.spec.prices] == ["a", "b", "a"]


def test_files_folders_and_globs_are_read_once_each(tmp_path):
    for name in ("a.yaml", "sub/b.yml", ".hidden/c.yaml", "sub/d.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(document("Team", "spec: {unit: u}", f"{{name: {path.stem}}}"))
    found = read_estate([str(tmp_path), str(tmp_path / "a.yaml"), str(tmp_path / "**/*.yml")])
    assert [one.resource.metadata.name for one in found] == ["a", "b"]


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(NotFoundError) as told:
        read_estate([str(tmp_path / "x.yaml")])
    assert str(told.value) == (
        f"{tmp_path}/x.yaml: no such file or folder; name YAML files, a folder or a glob"
    )
    with pytest.raises(BadResourceError) as none:
        read_estate([str(tmp_path)])
    assert str(none.value) == (
        f"{tmp_path}: no resources there; write YAML documents, or wm init an example"
    )


def test_a_file_that_is_not_utf8_is_told(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"kind: Te\xe4m\n")
    (tmp_path / "b.yaml").write_text(document("Team", "spec: {}", "{name: b}"))
    with pytest.raises(BadResourcesError) as told:
        read_estate([str(tmp_path)])
    assert [str(e).removeprefix(f"{tmp_path}/") for e in told.value.errors] == [
        "a.yaml:1:1: byte 8 is not UTF-8; save the file as UTF-8",
        "b.yaml:4:7: Team b: spec.unit is missing; add unit (business unit)",
    ]
