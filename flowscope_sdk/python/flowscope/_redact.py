"""Masks secrets in JSON before it leaves the process: by the name they go under, and by what they look like.

Works on the encoded bytes and looks closely only where a cheap search finds something, because most payloads hold no
secret and a regular expression over all of a long one would keep the program's threads waiting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from flowscope import _context
from flowscope._capture import loads, snapshot
from flowscope._guard import log
from flowscope._span import NOOP

MASK = b"[redacted]"
# How much longer a value may become in the hands of the program's own function, in bytes of JSON.
_HOOK_ADDS = 1 << 20
_Hit = tuple[int, int, bytes]

# Letters of a token become 0, all else a space: a run of zeros is where a token may be.
_RUN_LENGTH = 16
_RUN = b"0" * _RUN_LENGTH
_RUNS = bytes(ord("0") if chr(byte).isalnum() or byte in b"-_" else ord(" ") for byte in range(128)) + b" " * 128
_LOWER = bytes(range(256)).lower()
_SQUEEZED = b"-_. "
_TOKEN_REACH = 120

_TOKEN = re.compile(
    rb"(?:(?<![A-Za-z0-9])|(?<=\\[nrtbf]))(?:"
    rb"sk-[A-Za-z0-9_-]{12,}|[srp]k_(?:live|test|prod)_[A-Za-z0-9]{8,}|whsec_[A-Za-z0-9]{16,}"  # OpenAI and kin, Stripe
    rb"|(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA)[A-Z0-9]{16}"  # AWS
    rb"|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|gl(?:pat|dt|rt|cbt|ptt)-[A-Za-z0-9_-]{16,}"
    rb"|xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{16,}"  # Slack
    rb"|AIza[A-Za-z0-9_-]{30,}|GOCSPX-[A-Za-z0-9_-]{16,}|1//[A-Za-z0-9_-]{20,}"  # Google
    rb"|(?:hf|gsk|r8|npm|tvly|fc|dckr_pat|dop_v1|shp(?:at|ca|pa|ss)|lin_api|rnd|sbp|napi|api_org)_[A-Za-z0-9_-]{16,}"
    rb"|(?:xai|pplx|nvapi|tvly|pcsk|voyage|jina|key|cohere|pypi|fw|sess|ant-api|together)[-_][A-Za-z0-9_-]{20,}"
    rb"|lsv2_(?:pt|sk)_[A-Za-z0-9_]{16,}|sntry[sua]_[A-Za-z0-9_+/=-]{16,}|(?:SK|AC)[0-9a-f]{32}"  # LangSmith, Twilio
    rb"|npm_[A-Za-z0-9]{16,}|hvs\.[A-Za-z0-9_-]{16,}"
    rb")"
)
_DOTTED = re.compile(
    rb"eyJ[A-Za-z0-9_-]{5,}+(?:\.[A-Za-z0-9_-]*+){1,4}"  # JSON Web Tokens
    rb"|ya29\.[A-Za-z0-9_-]{16,}+|SG\.[A-Za-z0-9_-]{16,}+\.[A-Za-z0-9_-]{16,}+|hvs\.[A-Za-z0-9_-]{16,}+"
    rb"|[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}+"  # Discord
    rb"|[0-9]{8,10}:AA[A-Za-z0-9_-]{32,}+"  # Telegram
)

_PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----[^\"]*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|(?=\\*\")|\Z)"
)
_URL_PASSWORD = re.compile(rb"://[^\s:/@\"\\?#]*+:([^\s@/\"\\]++)@")
_BEARER = re.compile(rb"(?i:bearer)(?:\s|\\n|\+|%20)++((?=[A-Za-z._~+/=-]*[0-9._~+/=-])[A-Za-z0-9._~+/=-]{6,}+)")

# What a name must end in, with its separators taken out, for its value to be a secret.
_SECRET_NAME = re.compile(
    rb".*(?:password|passwd|passphrase|passcode|pwd|secret|secretvalue|apikey|accesskey|secretkey|privatekey|signingkey"
    rb"|encryptionkey|sharedkey|accountkey|masterkey|subscriptionkey|sharedaccesskey|servicekey|authkey|adminkey|authorization"
    rb"|cookies?|credentials?|jwt)"
    rb"|token|auth|xauth|authheader"
)
_HARMLESS_TOKEN = re.compile(
    rb".*(?:next|page|continuation|eos|bos|pad|unk|sep|mask|cls|start|stop|end|first|last|special|image|per|new|previous"
    rb"|input|output|max|min|num|total|sync|cancellation|cancel|tool|stop|by|on|every|each|one|a|the)token"
)
_HEADER_NAME = re.compile(rb"(?:proxy)?authorization|(?:set)?cookie|x?apikey|xauthtoken|xamzsecuritytoken")
_COOKIE_NAME = re.compile(rb"(?:set)?cookies?")
_NEEDLES = (b"pass", b"pwd", b"secret", b"key", b"token", b"auth", b"cookie", b"credential", b"jwt")
_NAME_BEFORE = re.compile(rb"[A-Za-z0-9_.-]*\Z")
_NAME_AFTER = re.compile(rb"[A-Za-z0-9_.-]*+")
_BETWEEN = re.compile(
    rb"(?P<quote>\\*[\"']?)\s*+(?:(?P<assign>[:=]|=>)|,\s*+\\*[\"']value\\*[\"']\s*+:|(?P<pair>,))\s*+"
)
_FLAG = re.compile(rb"\s++(?=[^\s-])")
_JSON_STRING = re.compile(rb'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_REST_OF_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_JSON_SCALAR = re.compile(rb"-?[0-9][0-9.eE+-]*+")
_OPENING = re.compile(rb"b?(\\*[\"'])")
_SCHEME = re.compile(rb"(?i:bearer|basic|digest|token|apikey|negotiate|aws4-hmac-sha256)\s++")
_WORD = re.compile(rb"(?:[^\s\"',;&}\])\\<>]|\\u[0-9a-f]{4})++")
_LINE = re.compile(rb"(?:[^\"\\]|\\u[0-9a-f]{4})++")
_BRACKETS = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{}]', re.DOTALL)
_ANY_BRACKET = re.compile(rb"[\[\]{}()]")
_SCHEMA = re.compile(rb'\{[^{}]{0,200}"(?:type|\$ref|anyOf|allOf|oneOf)":')


def masker(setting: bool | Callable[[Any], Any]) -> Callable[[bytes], bytes] | None:
    """What goes over each value that leaves, as JSON, by FLOWSCOPE_REDACT or init(redact=...)."""
    if not callable(setting):
        return redact if setting else None
    own = setting

    def mask(data: bytes) -> bytes:
        """What FlowScope masks, then what the program does; where that fails, nothing of the value is left."""
        try:
            token = _context.attach(NOOP)  # what it calls is no part of the program's work
            try:
                return snapshot(own(loads(redact(data))), len(data) + _HOOK_ADDS)
            finally:
                _context.detach(token)
        except BaseException as error:  # the program's own code, on this thread of ours
            log(f"redact={own!r}: {type(error).__name__}; the value is masked whole")
            return b'"%b"' % MASK

    return mask


def redact(data: bytes) -> bytes:
    """JSON with every secret that is recognised masked; `data` itself if there is none."""
    lower = data.translate(_LOWER)
    hits = list(_tokens(data))
    for needle in _NEEDLES:
        if needle in lower:
            hits += _named(data, lower, needle)
    if b"bearer" in lower:
        hits += [(found.start(1), found.end(1), MASK) for found in _BEARER.finditer(data)]
    if b"://" in data:
        hits += [(found.start(1), found.end(1), MASK) for found in _each(_URL_PASSWORD, data, b"://")]
    if b"PRIVATE KEY" in data:
        hits += [(found.start(), found.end(), MASK) for found in _each(_PRIVATE_KEY, data, b"-----BEGIN ")]
    return _masked(data, hits) if hits else data


def _masked(data: bytes, hits: list[_Hit]) -> bytes:
    hits.sort(key=lambda hit: (hit[0], -hit[1]))
    parts = []
    done = 0
    for start, end, mask in hits:
        if start >= done:
            parts += [data[done:start], mask]
            done = end
        elif end > done:
            # Overlaps the one before, inside the same string: that mask stands for both.
            done = end
    parts.append(data[done:])
    return b"".join(parts)


def _each(pattern: re.Pattern[bytes], data: bytes, needle: bytes) -> Iterator[re.Match[bytes]]:
    at = data.find(needle)
    while at >= 0:
        found = pattern.match(data, at)
        if found is not None:
            yield found
        at = data.find(needle, found.end() if found is not None else at + 1)


def _tokens(data: bytes) -> Iterator[_Hit]:
    """What looks like a key of a known provider, wherever it stands."""
    runs = data.translate(_RUNS)
    start = runs.find(_RUN)
    while start >= 0:
        end = runs.find(b" ", start + _RUN_LENGTH)
        if end < 0:
            end = len(data)
        found = _TOKEN.search(data, start, min(end, start + _TOKEN_REACH))
        if found is not None:
            yield found.start(), end, MASK
        elif data[start - 1 : start] in (b".", b":") or data[end : end + 1] == b".":
            found = _DOTTED.search(data, max(0, start - 32), min(end, start + 400) + 400)
            if found is not None:
                found = _DOTTED.match(data, found.start()) or found  # however long it is
                yield found.start(), found.end(), MASK
                end = max(end, found.end())
        start = runs.find(_RUN, end)


def _named(data: bytes, lower: bytes, needle: bytes) -> Iterator[_Hit]:
    """The values of what is called a secret: JSON members, headers, assignments and options in any text."""
    at = lower.find(needle)
    while at >= 0:
        if needle == b"token" and lower[at + 5 : at + 6] == b"s":  # counts of tokens are in every other payload
            at = lower.find(needle, at + 6)
            continue
        before = _NAME_BEFORE.search(lower, max(0, at - 48), at)
        after = _NAME_AFTER.match(lower, at)
        start = before.start() if before is not None else at
        end = after.end() if after is not None else at
        yield from _value_of(data, lower[start:end], start, end)
        at = lower.find(needle, max(end, at + 1))


def _value_of(data: bytes, name: bytes, start: int, end: int) -> Iterator[_Hit]:
    name = _bare(name, data, start).translate(None, _SQUEEZED)
    is_token = name.endswith(b"token") and not _HARMLESS_TOKEN.fullmatch(name)
    if not is_token and not _SECRET_NAME.fullmatch(name):
        return
    between = _BETWEEN.match(data, end)
    if between is None:
        if data[max(0, start - 2) : start + 2].find(b"--") >= 0 and (flag := _FLAG.match(data, end)):
            yield from _text_value(data, flag.end(), name)
        return
    if between["pair"] and not _HEADER_NAME.fullmatch(name):
        return
    if between["quote"] == b'"' and between["assign"] == b":":
        yield from _json_value(data, between.end(), textual_only=is_token)
    elif between["assign"] is None and between["quote"] == b'"':
        yield from _json_value(data, between.end(), textual_only=True)
    else:
        # "the token: a word" is prose; a name of one word needs a sign that something is assigned to it.
        if name == b"token" and between["assign"] == b":" and not between["quote"]:
            return
        yield from _text_value(data, between.end(), name)


def _bare(name: bytes, data: bytes, start: int) -> bytes:
    """A name without the letter of an escape (of a newline, say) before it."""
    if start and data[start - 1 : start] == b"\\" and name[:1] in b"nrtbf" and data[start - 2 : start - 1] != b"\\":
        return name[1:]
    return name


def _json_value(data: bytes, at: int, textual_only: bool) -> Iterator[_Hit]:
    """The value of a JSON member: a string, a number, or all of an array or object."""
    found = _JSON_STRING.match(data, at)
    if found is not None:
        if found[1]:
            yield found.start(1), found.end(1), MASK
        return
    if textual_only and data[at : at + 1] not in (b"[", b"{"):
        return
    found = _JSON_SCALAR.match(data, at)
    if found is not None:
        yield found.start(), found.end(), b'"' + MASK + b'"'
    elif data[at : at + 1] in (b"[", b"{") and not _SCHEMA.match(data, at):
        depth = 0
        for found in _BRACKETS.finditer(data, at):
            depth += (found[0] in b"[{") - (found[0] in b"]}")
            if depth == 0:
                if found.end() - at > 2:
                    yield at, found.end(), b'"' + MASK + b'"'
                return


def _text_value(data: bytes, at: int, name: bytes) -> Iterator[_Hit]:
    """A value inside a text, quoted or not, at whatever level of escaping."""
    opening = _OPENING.match(data, at)
    if opening is not None and opening[1] != b'"':
        # Its end is the same quote at the same level of escaping; cut short, all that is left of the text.
        closing = re.compile(rb"(?<!\\)" + re.escape(opening[1])).search(
            data, opening.end(), _text_end(data, opening.end())
        )
        end = closing.start() if closing is not None else _text_end(data, opening.end())
        if end > opening.end():
            yield opening.end(), end, MASK
        return
    if data[at : at + 1] in (b"[", b"{", b"("):
        yield at, _bracket_end(data, at), MASK
        return
    scheme = _SCHEME.match(data, at)
    if scheme is not None:
        at = scheme.end()
    found = (_LINE if _COOKIE_NAME.fullmatch(name) else _WORD).match(data, at)
    if found is not None and found.end() > at:
        yield at, found.end(), MASK


def _text_end(data: bytes, at: int) -> int:
    """Where the JSON string ends that `at` stands in."""
    rest = _REST_OF_STRING.match(data, at)
    return rest.end() if rest is not None else len(data)


def _bracket_end(data: bytes, at: int) -> int:
    """Behind the bracket that closes the one at `at` in a text; the text's end if none does."""
    end = _text_end(data, at)
    depth = 0
    for found in _ANY_BRACKET.finditer(data, at, end):
        depth += 1 if found[0] in b"[{(" else -1
        if depth == 0:
            return found.end()
    return end
