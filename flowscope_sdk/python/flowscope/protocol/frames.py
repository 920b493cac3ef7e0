"""The header frame of a batch, and how the frames of a message are told apart."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from flowscope.protocol.errors import ProtocolError, UnknownVersion, describe
from flowscope.protocol.times import MAX_TIME_NS, format_time, parse_time

PROTOCOL_VERSION = 2
"""The newest version there is."""
SUPPORTED_VERSIONS = (1, 2)
COMPRESSIONS = ("none", "gzip", "zstd")
MAX_INTEGER = 2**53 - 1
"""Largest integer in a header: what every language's number holds exactly."""
MAX_HEADER = 1 << 16
"""Longest header frame in bytes: some times what its longest texts take."""
MAX_TEXT = 1024
"""Longest text in a header, in code points; ids at most 256."""
MIN_SECRET = 16
MAX_SECRET = 256

_PROVABLE = re.compile(r"p2-[0-9a-f]{32}")


@dataclass(slots=True)
class ProducerInfo:
    """The process that sends. `id` is new for each process start (and after a fork); started_ns since the epoch.

    `secret` shows that an id made of one (`producer_id`) is the sender's own. It is never stored nor told to anybody.
    """

    id: str
    session_id: str = ""
    program: str = ""
    pid: int = 0
    host: str = ""
    language: str = "unknown"
    runtime: str = ""
    sdk: str = ""
    started_ns: int | None = None
    secret: str = field(default="", repr=False, compare=False)

    @property
    def proven(self) -> bool:
        """Whether nobody else can use this id, nor is it used by somebody else here."""
        return proves(self.id, self.secret)


def producer_id(secret: str) -> str:
    """The id of the producer with this secret: nobody who sees the id can find the secret."""
    return "p2-" + hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def is_provable(name: str) -> bool:
    """Whether an id has the form of those that are made of a secret."""
    return _PROVABLE.fullmatch(name) is not None


def proves(name: str, secret: str) -> bool:
    """Whether an id was made of this secret."""
    return bool(secret) and is_provable(name) and producer_id(secret) == name


@dataclass(slots=True)
class Header:
    """What stands before a batch; by default of version 1, which every collector takes.

    `seq` is the number of its first record, from 1 and rising over the producer's life; `count` how many numbers
    the batch uses up; `dropped` how many records the producer gave up so far. `sent_ns` is when the batch was handed to
    the socket, ns since the epoch by the producer's clock.
    """

    version: int = 1
    producer: ProducerInfo | None = None
    seq: int = 1
    count: int = 0
    dropped: int = 0
    compression: str = "none"
    sent_ns: int | None = None


def split_message(frames: Sequence[bytes]) -> tuple[Header | None, bytes]:
    """Return the header, None for a bare message, and the body as sent. Raises ProtocolError."""
    if len(frames) == 1:
        return None, frames[0]
    if len(frames) == 2:
        return decode_header(frames[0]), frames[1]
    raise ProtocolError(f"message: {len(frames)} frames; it must be one (JSON) or two (header, JSON)")


def encode_header(header: Header) -> bytes:
    """Return the header frame as JSON."""
    producer = header.producer
    wire: dict[str, Any] = {
        "version": header.version,
        "producer": None if producer is None else _producer_to_wire(producer),
        "seq": header.seq,
        "count": header.count,
        "dropped": header.dropped,
        "compression": header.compression,
    }
    if header.sent_ns is not None:
        wire["sent"] = format_time(header.sent_ns)
    return orjson.dumps(wire)


def _producer_to_wire(producer: ProducerInfo) -> dict[str, Any]:
    secret = {"secret": producer.secret} if producer.secret else {}
    return {
        "id": producer.id,
        "session_id": producer.session_id,
        "program": producer.program,
        "pid": producer.pid,
        "host": producer.host,
        "language": producer.language,
        "runtime": producer.runtime,
        "sdk": producer.sdk,
        "started": None if producer.started_ns is None else format_time(producer.started_ns),
        **secret,
    }


def decode_header(data: bytes) -> Header:
    """Return the header of a batch; members it doesn't know are ignored.

    Raises UnknownVersion before anything else is looked at, ProtocolError for whatever else is wrong.
    """
    if len(data) > MAX_HEADER:
        raise ProtocolError(f"longer than {MAX_HEADER >> 10} KiB", field="header")
    try:
        wire = orjson.loads(data)
    except orjson.JSONDecodeError:
        raise ProtocolError("not JSON", field="header") from None
    if not isinstance(wire, dict):
        raise ProtocolError(f"must be an object, not {describe(wire)}", field="header")
    version = _integer(wire, "version", None)
    if version not in SUPPORTED_VERSIONS:
        spoken = ", ".join(map(str, SUPPORTED_VERSIONS))
        raise UnknownVersion(f"protocol version {version} is not spoken here (spoken: {spoken})", field="version")
    compression = _text(wire, "compression", "none")
    if compression not in COMPRESSIONS:
        raise ProtocolError(f"{describe(compression)} is not one of {', '.join(COMPRESSIONS)}", field="compression")
    producer, sent_ns = _producer(wire.get("producer")), _time(wire.get("sent"), "sent")
    if version >= 2:
        _require_proof(producer, sent_ns)
    return Header(
        version=version,
        producer=producer,
        seq=_integer(wire, "seq", 1, least=1),
        count=_integer(wire, "count", 0),
        dropped=_integer(wire, "dropped", 0),
        compression=compression,
        sent_ns=sent_ns,
    )


def _require_proof(producer: ProducerInfo | None, sent_ns: int | None) -> None:
    """What version 2 asks for beyond version 1."""
    if producer is None:
        raise ProtocolError("missing; version 2 needs it", field="producer")
    if not producer.secret:
        raise ProtocolError("missing; version 2 needs it", field="producer.secret")
    if not producer.proven:
        raise ProtocolError(f"{describe(producer.id)} is not made of the producer's secret", field="producer.id")
    if sent_ns is None:
        raise ProtocolError("missing; version 2 needs it", field="sent")


def _producer(wire: Any) -> ProducerInfo | None:
    if wire is None:
        return None
    if not isinstance(wire, dict):
        raise ProtocolError(f"must be an object, not {describe(wire)}", field="producer")
    inside = "producer."
    producer_id = _text(wire, "id", "", inside, limit=256)
    if not producer_id:
        raise ProtocolError("missing or empty", field="producer.id")
    return ProducerInfo(
        id=producer_id,
        session_id=_text(wire, "session_id", "", inside, limit=256),
        program=_text(wire, "program", "", inside),
        pid=_integer(wire, "pid", 0, inside),
        host=_text(wire, "host", "", inside),
        language=_text(wire, "language", "unknown", inside, limit=64),
        runtime=_text(wire, "runtime", "", inside),
        sdk=_text(wire, "sdk", "", inside),
        started_ns=_time(wire.get("started"), "producer.started"),
        secret=_secret(wire),
    )


def _secret(wire: dict[str, Any]) -> str:
    secret = _text(wire, "secret", "", "producer.", limit=MAX_SECRET)
    if 0 < len(secret) < MIN_SECRET:
        raise ProtocolError(f"shorter than {MIN_SECRET} characters", field="producer.secret")
    return secret


def _time(text: Any, field: str) -> int | None:
    if text is None:
        return None
    try:
        ns = parse_time(text)
    except ProtocolError as error:
        raise ProtocolError(error.reason, field=field) from None
    if not 0 <= ns <= MAX_TIME_NS:
        raise ProtocolError(f"{describe(text)} is outside 1970-01-01 to 2262-04-11", field=field)
    return ns


def _integer(wire: dict[str, Any], name: str, default: int | None, inside: str = "", least: int = 0) -> int:
    value = wire.get(name)
    if value is None:
        value = default
    if value is None:
        raise ProtocolError("missing", field=inside + name)
    if type(value) is not int:
        raise ProtocolError(f"must be a whole number, not {describe(value)}", field=inside + name)
    if not least <= value <= MAX_INTEGER:
        raise ProtocolError(f"must be {least} to 2^53 - 1", field=inside + name)
    return value


def _text(wire: dict[str, Any], name: str, default: str, inside: str = "", limit: int = MAX_TEXT) -> str:
    value = wire.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise ProtocolError(f"must be a string, not {describe(value)}", field=inside + name)
    if len(value) > limit:
        raise ProtocolError(f"longer than {limit:,} characters", field=inside + name)
    return value
