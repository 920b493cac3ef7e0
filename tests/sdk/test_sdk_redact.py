"""No secret leaves the process: by the name it goes under, by what it looks like, wherever it stands."""

from __future__ import annotations

import re

import orjson
import pytest
from secret_corpus import PLAIN, SECRETS

import flowscope
from flowscope._redact import redact

MASK = "[redacted]"


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_masked_and_the_json_stays_json(name):
    value, secret = SECRETS[name]
    data = orjson.dumps(value)
    masked = redact(data)
    assert secret.encode() in data and secret.encode() not in masked
    assert MASK.encode() in masked
    orjson.loads(masked)


@pytest.mark.parametrize("value", PLAIN)
def test_what_is_no_secret_stays(value):
    data = orjson.dumps(value)
    assert redact(data) == data


def test_what_stands_around_a_secret_stays():
    assert redact(b'"a sk-abcdefghijklmnop1234 b"') == b'"a [redacted] b"'
    assert redact(b'{"a":1,"api_key":"x","b":2}') == b'{"a":1,"api_key":"[redacted]","b":2}'
    assert redact(b'"x://bob:pw@h/p"') == b'"x://bob:[redacted]@h/p"'


def test_random_mixtures_stay_json_and_lose_every_secret():
    import random

    chance = random.Random(7)
    names = list(SECRETS)
    for _ in range(200):
        chosen = chance.sample(names, 3)
        value = [SECRETS[name][0] for name in chosen]
        if chance.random() < 0.5:
            value = {"text": " | ".join(str(item) for item in value), "inner": {"list": value}}
        masked = redact(orjson.dumps(value))
        orjson.loads(masked)
        for name in chosen:
            assert SECRETS[name][1].encode() not in masked, (name, masked)


def test_a_long_payload_without_secrets_is_searched_quickly_enough_to_not_matter():
    data = orjson.dumps({"documents": ["plain words and numbers 12345 " * 1000] * 30})
    assert redact(data) is data


def test_secrets_are_masked_everywhere_in_a_record(sdk):
    secret = "sk-abcdEFGH1234567890abcdEFGH"
    with pytest.raises(ValueError), flowscope.trace(f"GET https://x.test/?api_key={secret}", input=secret) as span:
        span.output = {"messages": [{"role": "user", "content": f"my key: {secret}"}]}
        span.set("headers", {"authorization": f"Bearer {secret}"})
        span.stream(secret)
        password = f"password={secret}"
        raise ValueError(password)
    (record,) = sdk.finished(1)
    assert secret not in str(record) and str(record).count(MASK) >= 5
    assert record["status"] == "error" and re.search(r"ValueError: password=\[redacted\]", record["error"])


def test_redaction_can_be_switched_off(setup, listener):
    setup(addr=listener.addr, redact=False)
    with flowscope.trace("work", input={"password": "hunter2"}):
        pass
    assert listener.one("work")["input"] == {"password": "hunter2"}
