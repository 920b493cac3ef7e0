"""No secret leaves the process: by the name it goes under, by what it looks like, wherever it stands."""

from __future__ import annotations

import re

import orjson
import pytest

import flowscope
from flowscope._redact import redact

MASK = "[redacted]"

# (what is captured, the part that must be gone). No real credential: all are made up here.
CORPUS = {
    "openai": ("use sk-abcdEFGH1234567890abcdEFGH1234567890abcdEFGH12 now", "abcdEFGH1234567890"),
    "openai project": ("sk-proj-Ab_12-cdEFGH34567890abcdEFGH", "cdEFGH34567890"),
    "anthropic": ({"text": "key=sk-ant-api03-abcDEF123_456-789ghiJKL"}, "abcDEF123"),
    "aws access key": (["AKIAIOSFODNN7EXAMPLE"], "IOSFODNN7EXAMPLE"),
    "aws secret key": ({"aws_secret_access_key": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, "wJalr"),
    "aws in text": ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPx", "wJalr"),
    "github": ("https://ghp_abcdefghijklmnopqrstuvwxyz0123456789@github.com/x", "abcdefghijklmnop"),
    "github fine-grained": ("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuv", "abcdefghijkl"),
    "gitlab": ("glpat-abcdefghij1234567890", "abcdefghij"),
    "slack": ("xoxb-123456789012-abcdefGHIJKL", "abcdefGHIJKL"),
    "google": ("AIzaSyA-abcdefghijklmnopqrstuvwxyz01234", "abcdefghijklmnop"),
    "google oauth": ("ya29.a0AfH6SMBabcdefghijklmnop", "abcdefghijklmnop"),
    "hugging face": ("hf_abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnop"),
    "groq": ("gsk_abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnop"),
    "stripe": ("sk_live_abcdefghijklmnop", "abcdefghijklmnop"),
    "sendgrid": ("SG.abcdefghijklmnopqrstuv.wxyzabcdefghijklmnopqrstuvwxyz0123456789abc", "abcdefghijklmnop"),
    "langsmith": ("lsv2_pt_abcdefghijklmnopqrstuvwxyz_0123456789", "abcdefghijklmnop"),
    "npm": ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnop"),
    "telegram": ("123456789:AAabcdefghijklmnopqrstuvwxyz0123456", "abcdefghijklmnop"),
    "jwt": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.SflKxwRJSMeKKF2QT4fwpM", "SflKxwRJSMeKKF2QT4"),
    "bearer header": ({"Authorization": "Bearer abc-def-123"}, "abc-def-123"),
    "bearer in text": ("curl -H 'Authorization: Bearer abc.def.123' x", "abc.def.123"),
    "bearer alone": ("it said: bearer zzz111yyy222", "zzz111yyy222"),
    "basic header": ({"headers": {"authorization": "Basic dXNlcjpwYXNzd29yZA=="}}, "dXNlcjpw"),
    "header pairs": ({"headers": [["host", "x"], ["authorization", "Basic dXNlcjpwYXNz"]]}, "dXNlcjpw"),
    "header objects": ([{"name": "X-Api-Key", "value": "plain words"}], "plain words"),
    "api key header": ({"x-api-key": "0123abc"}, "0123abc"),
    "cookie header": ({"Cookie": "session=abcdef; theme=dark"}, "abcdef"),
    "set-cookie in text": ("HTTP/1.1 200\r\nSet-Cookie: sid=s3cr3t; Path=/\r\nX: y", "s3cr3t"),
    "cookies object": ({"cookies": {"sid": "s3cr3t", "n": 1}}, "s3cr3t"),
    "password member": ({"user": "bob", "password": 'correct "horse" \\ battery'}, "horse"),
    "password number": ({"password": 123454321}, "123454321"),
    "password in python repr": ({"text": str({"password": "hunter2 and more", "x": 1})}, "hunter2"),
    "password in nested json": (orjson.dumps({"a": {"db_password": "hunter2 and more"}}).decode(), "hunter2"),
    "password twice nested": (orjson.dumps({"b": orjson.dumps({"password": "hunter2"}).decode()}).decode(), "hunter2"),
    "password assignment": ("export DB_PASSWORD=hunter2", "hunter2"),
    "password option": ("mysql --user bob --password hunter2 db", "hunter2"),
    "password in yaml": ("db:\n  password: hunter2\n  host: x", "hunter2"),
    "connection string": ("postgresql+asyncpg://bob:hunter2@db:5432/x", "hunter2"),
    "redis without user": ("redis://:hunter2@cache:6379/0", "hunter2"),
    "odbc": ("Server=db;Uid=bob;Pwd=hunter2;", "hunter2"),
    "azure storage": ("AccountName=x;AccountKey=abcd1234efgh5678==;EndpointSuffix=y", "abcd1234"),
    "query string": ("GET https://x.test/v1?q=1&api_key=abc123&page=2", "abc123"),
    "private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\nxyz==\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
    "private key cut short": ("x -----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r", "b3BlbnNzaC1r"),
    "client secret": ({"client_id": "a", "clientSecret": "sEcReT value"}, "sEcReT"),
    "access token": ({"access_token": "opaque value", "token_type": "bearer"}, "opaque value"),
    "credentials": ({"credentials": {"user": "bob", "pass": ["x1y2z3"]}}, "x1y2z3"),
    "after an escape": ("error:\nsk-abcdefghijklmnop1234\ttail", "abcdefghijklmnop"),
    "token assignment": ("HF_TOKEN='opaque value'", "opaque"),
}


@pytest.mark.parametrize("name", CORPUS)
def test_a_secret_is_masked_and_the_json_stays_json(name):
    value, secret = CORPUS[name]
    data = orjson.dumps(value)
    masked = redact(data)
    assert secret.encode() in data and secret.encode() not in masked
    assert MASK.encode() in masked
    orjson.loads(masked)


@pytest.mark.parametrize(
    "value",
    [
        {"usage": {"input_tokens": 812, "total_tokens": 906}, "max_tokens": 100, "logprobs": None},
        {"eos_token": "</s>", "pad_token": "<pad>", "next_page_token": "abc"},
        {"key": "title", "keys": ["a"], "monkey": "x", "author": "Ann", "authors": ["Bob"], "passenger": "Cy"},
        "The token: a word of a model's vocabulary. The secret to good tea is time. Passwords matter.",
        "the bearer understood that his authorization had ended",
        {"properties": {"password": {"type": "string", "description": "of the user"}}, "required": ["password"]},
        {"id": "call_abcdefghijklmnopqrstuvwx", "uuid": "123e4567-e89b-12d3-a456-426614174000"},
        {"session_id": "app-20261122-101500-abcd", "trace_id": "0123456789abcdef0123456789abcdef"},
        "see https://example.com:8080/path?page=2#top and mail a@b.c",
        {"task": "task-management-and-more-words-in-a-row", "password": None, "token": ""},
        {"image": "data:image/png;base64," + "iVBORw0KGgo" * 500},
    ],
)
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
    names = list(CORPUS)
    for _ in range(200):
        chosen = chance.sample(names, 3)
        value = [CORPUS[name][0] for name in chosen]
        if chance.random() < 0.5:
            value = {"text": " | ".join(str(item) for item in value), "inner": {"list": value}}
        masked = redact(orjson.dumps(value))
        orjson.loads(masked)
        for name in chosen:
            assert CORPUS[name][1].encode() not in masked, (name, masked)


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
