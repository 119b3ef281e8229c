"""Recorded exchanges with a real MLflow server, and how they are played again."""

import gzip
import http.client
import json

TIMES = ("creation_timestamp", "last_updated_timestamp")


def read(path):
    with gzip.open(path) as lines:
        return [json.loads(line) for line in lines]


def play(client, exchange):
    """Send what was sent then."""
    sent, kind = exchange["request"], "application/json"
    if isinstance(sent, dict) and "raw" in sent:
        body, kind = sent["raw"].encode(), sent["type"]
    else:
        body = None if sent is None else json.dumps(sent).encode()
    headers = {} if body is None else {"Content-Type": kind}
    return client.request(exchange["method"], exchange["path"], content=body, headers=headers)


def timeless(told):
    """An answer without its times."""
    if isinstance(told, dict):
        return {
            name: isinstance(value, int) if name in TIMES else timeless(value)
            for name, value in told.items()
        }
    return [timeless(one) for one in told] if isinstance(told, list) else told


def wrong(client, exchanges):
    """The exchanges that are answered otherwise, with the other answer."""
    for one in exchanges:
        answer = play(client, one)
        if (answer.status_code, timeless(answer.json())) != (
            one["status"], timeless(one["response"]),
        ):  # fmt: skip
            yield one, answer.status_code, answer.text


def lives(port, path):
    """Whether a server answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        with connection.getresponse() as answer:
            return answer.status == 200
    except OSError:
        return False
    finally:
        connection.close()
