"""Requests to models behind an API are counted once, by key, tags, model and hour."""

import csv
import datetime as dt
import gzip
import json
import os

import pytest

from tests.observe.rows import YEAR, seen_by, source

HOUR = "2026-09-03T04"
COUNTS = ("requests", "failed", "tokens_in", "tokens_out", "tokens_cached")


@pytest.fixture
def seen(tmp_path):
    """Rows of what lies in the folder, by the file's number in it."""

    def look(kind, *texts, name="use.json"):
        for number, text in enumerate(texts):
            path = tmp_path / f"{number}-{name}"
            pack = gzip.open if name.endswith(".gz") else open
            with pack(path, "wt", encoding="utf-8") as out:
                out.write(text)
            os.utime(path, (1_790_000_000 + number, 1_790_000_000 + number))
        found = seen_by(source(kind, tmp_path), YEAR)
        asked = {
            (row["subject_uid"], row["model"], f"{row['hour']:%dT%H}"): tuple(
                row[name] for name in COUNTS
            )
            for row in found.get("requests", [])
        }
        return asked, found

    return look


def lines(*documents):
    return "".join(json.dumps(one) + "\n" for one in documents)


def spend(number, **more):
    return {
        "request_id": f"r{number}", "api_key": "hash1", "startTime": f"{HOUR}:10:00Z",
        "model": "gpt-5", "prompt_tokens": 100, "completion_tokens": 20, "team_id": "t-1",
        "metadata": {"user_api_key_alias": "rag", "status": "success",
                     "usage_object": {"prompt_tokens_details": {"cached_tokens": 40}}},
    } | more  # fmt: skip


def test_litellm_rows_are_one_request_each(seen):
    tagged = {"request_tags": ["team:search", "night", "User-Agent: curl/8"]}
    failed = {"status": "failure", "completion_tokens": 0}
    asked, found = seen("litellm", json.dumps([
        spend(1), spend(2), spend(3, **tagged), spend(4, model="o5", **failed),
        spend(5, startTime=f"{HOUR}:59:59.9+02:00"),
    ]))  # fmt: skip
    assert asked == {
        ("rag", "gpt-5", "03T04"): (2, 0, 200, 40, 80),
        ("rag?tag:night=yes&team=search", "gpt-5", "03T04"): (1, 0, 100, 20, 40),
        ("rag", "o5", "03T04"): (1, 1, 100, 0, 40),
        ("rag", "gpt-5", "03T02"): (1, 0, 100, 20, 40),
    }
    labels = {row["subject_uid"]: row["labels"] for row in found["subjects"]}
    assert labels["rag?tag:night=yes&team=search"] == '{"tag:night":"yes","team":"search"}'
    assert {row["account"] for row in found["subjects"]} == {"t-1"}


def test_litellm_csv_and_json_lines_tell_the_same(seen, tmp_path):
    rows = [spend(1), spend(2, request_tags=["team:search"])]
    for row in rows:
        row |= {"metadata": json.dumps(row["metadata"]),
                "request_tags": json.dumps(row.get("request_tags", []))}  # fmt: skip
    path = tmp_path / "9-export.csv"
    with path.open("w", newline="") as out:
        table = csv.DictWriter(out, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    twice, found = seen("litellm", lines(*rows))  # the same requests in both files
    path.unlink()
    assert twice == seen("litellm", lines(*rows))[0]
    assert sum(one[0] for one in twice.values()) == 2
    assert "rejected" not in found


def call(number, **more):
    return {
        "schemaType": "ModelInvocationLog", "timestamp": f"{HOUR}:00:0{number}Z",
        "accountId": "111", "requestId": f"q{number}", "modelId": "anthropic.claude-x",
        "identity": {"arn": "arn:aws:sts::111:assumed-role/rag-prod/i-1"},
        "input": {"inputTokenCount": 10, "cacheReadInputTokenCount": 50,
                  "cacheWriteInputTokenCount": 5},
        "output": {"outputTokenCount": 7},
    } | more  # fmt: skip


def test_bedrock_calls_count_cached_tokens_as_read(seen):
    profile = "arn:aws:bedrock:us-east-1:111:inference-profile/us.claude-y"
    asked, found = seen("bedrock", lines(
        call(1), call(2, requestMetadata={"team": "rag"}),
        call(3, modelId=profile, errorCode="Throttled", output={}),
        call(4, identity={"arn": "arn:aws:iam::111:user/ann"}),
    ), lines(call(1)), name="calls.json.gz")  # fmt: skip
    assert asked == {
        ("rag-prod", "anthropic.claude-x", "03T04"): (1, 0, 65, 7, 50),
        ("rag-prod?team=rag", "anthropic.claude-x", "03T04"): (1, 0, 65, 7, 50),
        ("rag-prod", "us.claude-y", "03T04"): (1, 1, 65, None, 50),
        ("ann", "anthropic.claude-x", "03T04"): (1, 0, 65, 7, 50),
    }
    assert profile in {row["resource_id"] for row in found["requests"]}


def page(*results, start=1_788_400_800):
    bucket = {"object": "bucket", "start_time": start, "end_time": start + 3600}
    return json.dumps({"object": "page", "data": [bucket | {"results": list(results)}]})


def counted(**more):
    return {"input_tokens": 500, "output_tokens": 90, "input_cached_tokens": 200,
            "num_model_requests": 4, "project_id": "p", "api_key_id": "k1",
            "model": "gpt-5"} | more  # fmt: skip


def test_openai_pages_count_each_bucket_once_and_the_newest_page_stands(seen):
    start = f"{dt.datetime.fromtimestamp(1_788_400_800, dt.UTC):%dT%H}"
    early = page(counted(), counted(api_key_id="k2", num_model_requests=1))
    late = page(counted(num_model_requests=6, output_tokens=120))
    asked, _ = seen("openai", early, late)
    assert asked == {
        ("k1", "gpt-5", start): (6, None, 500, 120, 200),
        ("k2", "gpt-5", start): (1, None, 500, 90, 200),
    }


def test_openai_counts_of_two_service_tiers_are_two(seen):
    asked, _ = seen("openai", page(counted(service_tier="default"), counted(service_tier="flex")))
    assert list(asked.values()) == [(8, None, 1000, 180, 400)]


def test_openai_csv_counts_as_the_pages_do(seen):
    """The usage page's CSV: a row of times alone is an empty bucket; batch is a word."""
    names = ("start_time,end_time,start_time_iso,end_time_iso,project_id,num_model_requests,"
             "user_id,api_key_id,model,batch,service_tier,input_tokens,output_tokens,"
             "input_cached_tokens\n")  # fmt: skip
    at = "1788400800,1788400860,2026-09-03T02:00:00+00:00,2026-09-03T02:01:00+00:00,"
    rows = [at + "p,4,,k1,gpt-5,False,default,500,90,200\n", at + "p,1,,k1,gpt-5,True,,5,9,0\n",
            at.replace("1788400800", "1788400860") + ",,,,,,,,,\n"]  # fmt: skip
    text = names + "".join(rows)
    asked, found = seen("openai", text, text, name="completions.csv")
    assert sorted(asked) == [("k1", "gpt-5", "03T02"), ("k1?batch=yes", "gpt-5", "03T02")]
    assert asked["k1", "gpt-5", "03T02"] == (4, None, 500, 90, 200)
    assert asked["k1?batch=yes", "gpt-5", "03T02"] == (1, None, 5, 9, 0)
    assert "rejected" not in found


def test_anthropic_console_csv_counts_as_the_report_does(seen):
    names = ("usage_date_utc,model_version,api_key,workspace,usage_type,context_window,"
             "usage_input_tokens_no_cache,usage_input_tokens_cache_write_5m,"
             "usage_input_tokens_cache_write_1h,usage_input_tokens_cache_read,"
             "usage_output_tokens,web_search_count,inference_geo,speed\n")  # fmt: skip
    rows = [f"2026-09-03,claude-z,{key},{place},{kind},\u2264 200k,1500,50,1000,200,500,0,global,\n"
            for key, place, kind in (("rag", "Default", "standard"), ("rag", "Default", "batch"),
                                     ("ann", "Lab", "standard"))]  # fmt: skip
    asked, found = seen("anthropic", names + "".join(rows), name="tokens.csv")
    assert asked == {
        ("rag", "claude-z", "03T00"): (None, None, 2750, 500, 200),
        ("ann", "claude-z", "03T00"): (None, None, 2750, 500, 200),
    }
    assert {row["version"] for row in found["requests"]} == {"standard", "batch"}
    assert {row["account"] for row in found["subjects"]} == {"Default", "Lab"}


def test_a_page_in_one_long_line_is_read_whole(seen):
    """`/spend/logs` answers without an end of line, however much there is."""
    padding = {"messages": "x" * 3000}
    whole = json.dumps([spend(number, **padding) for number in range(800)])
    assert len(whole) > 2 << 20
    assert seen("litellm", whole)[0] == {
        ("rag", "gpt-5", "03T04"): (800, 0, 80_000, 16_000, 32_000)
    }


def test_only_the_labels_that_are_asked_for_are_kept(tmp_path):
    calls = [call(number, requestMetadata={"team": "rag", "trace": f"t{number}"})
             for number in range(5)]  # fmt: skip
    (tmp_path / "calls.json").write_text(lines(*calls))
    kept = seen_by(source("bedrock", tmp_path, options={"labels": "team, app"}), YEAR)
    assert [(r["subject_uid"], r["requests"]) for r in kept["requests"]] == [
        ("rag-prod?team=rag", 5)
    ]
    assert len(seen_by(source("bedrock", tmp_path), YEAR)["requests"]) == 5


def test_anthropic_reports_tell_tokens_apart_and_no_requests(seen):
    held = {"uncached_input_tokens": 1500, "cache_read_input_tokens": 200, "output_tokens": 500,
            "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 50},
            "api_key_id": "apikey_1", "workspace_id": "w", "model": "claude-z"}  # fmt: skip
    report = {"data": [{"starting_at": f"{HOUR}:00:00Z", "ending_at": "2026-09-03T05:00:00Z",
                        "results": [held, held | {"api_key_id": "apikey_2"}]}]}  # fmt: skip
    asked, _ = seen("anthropic", json.dumps(report, indent=1))
    assert asked == {
        (key, "claude-z", "03T04"): (None, None, 2750, 500, 200) for key in ("apikey_1", "apikey_2")
    }


def test_azure_metrics_are_read_with_and_without_deployments(seen):
    resource = (
        "/SUBSCRIPTIONS/s1/RESOURCEGROUPS/r/PROVIDERS/MICROSOFT.COGNITIVESERVICES/ACCOUNTS/AI"
    )

    def metric(name, total):
        dimensions = [{"name": {"value": "ModelDeploymentName"}, "value": "chat"},
                      {"name": {"value": "ModelName"}, "value": "gpt-5"}]  # fmt: skip
        points = [{"timeStamp": f"{HOUR}:0{minute}:00Z", "total": total} for minute in (1, 2)]
        return {"id": f"{resource}/providers/Microsoft.Insights/metrics/{name}",
                "name": {"value": name},
                "timeseries": [{"metadatavalues": dimensions, "data": points}]}  # fmt: skip

    told = {"value": [metric("AzureOpenAIRequests", 3.0), metric("ProcessedPromptTokens", 70.0),
                      metric("GeneratedTokens", 9.0), metric("Latency", 5)]}  # fmt: skip
    plain = [
        {"metricName": name, "time": f"{HOUR}:00:00Z", "total": total, "timeGrain": "PT1M",
         "resourceId": resource.replace("/AI", "/B")}
        for name, total in (("AzureOpenAIRequests", 2), ("GeneratedTokens", 5), ("Ratelimit", 1))
    ]  # fmt: skip
    asked, found = seen("azure-openai", json.dumps(told), lines(*plain))
    assert asked == {
        ("ai/chat", "gpt-5", "03T04"): (6, None, 140, 18, None),
        ("b", "b", "03T04"): (2, None, None, 5, None),
    }
    assert {row["account"] for row in found["subjects"]} == {"s1"}


@pytest.mark.parametrize(
    ("kind", "good", "bad", "reason"),
    [
        ("litellm", spend(1), {"request_id": "x", "api_key": "k"}, "lacks 'startTime'"),
        ("litellm", spend(1), spend(2, startTime="soon"), "'soon' is no time"),
        ("litellm", spend(1), spend(2, prompt_tokens=-5), "fewer than none"),
        ("bedrock", call(1), call(2) | {"schemaType": "Other"}, "not ModelInvocationLog"),
        ("openai", json.loads(page(counted())), {"error": "no"}, "neither data nor results"),
    ],
)
def test_good_documents_are_kept_and_bad_ones_listed(seen, kind, good, bad, reason):
    asked, found = seen(kind, lines(good) + lines(bad) + "{half\n" + lines([7]))
    assert len(asked) == 1
    told = [(row["row"], row["reason"]) for row in found["rejected"]]
    assert [row for row, _ in told] == [2, 3, 4]
    assert reason in told[0][1]
