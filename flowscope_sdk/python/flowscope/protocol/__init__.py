"""FlowScope's wire protocol: records, batches, times and addresses, without sockets."""

from flowscope.protocol.address import (
    DEFAULT_ADDR,
    Address,
    control_addr,
    hide_key,
    parse_addr,
    split_key,
    with_key,
)
from flowscope.protocol.body import MAX_RECORDS, decode_body
from flowscope.protocol.errors import AddressError, ProtocolError, UnknownVersion, visible
from flowscope.protocol.frames import (
    COMPRESSIONS,
    MAX_HEADER,
    PROTOCOL_VERSION,
    SUPPORTED_VERSIONS,
    Header,
    ProducerInfo,
    decode_header,
    encode_header,
    split_message,
)
from flowscope.protocol.payloads import load_payload
from flowscope.protocol.records import (
    EXTRA,
    MAX_ID,
    MAX_NAME,
    MAX_OPERATION,
    REPAIRED,
    Batch,
    Record,
    encode_record,
    parse_record,
    parse_records,
    to_wire,
)
from flowscope.protocol.times import MAX_TIME_NS, format_time, parse_time

__all__ = [
    "COMPRESSIONS",
    "DEFAULT_ADDR",
    "EXTRA",
    "MAX_HEADER",
    "MAX_ID",
    "MAX_NAME",
    "MAX_OPERATION",
    "MAX_RECORDS",
    "MAX_TIME_NS",
    "PROTOCOL_VERSION",
    "REPAIRED",
    "SUPPORTED_VERSIONS",
    "Address",
    "AddressError",
    "Batch",
    "Header",
    "ProducerInfo",
    "ProtocolError",
    "Record",
    "UnknownVersion",
    "control_addr",
    "decode_body",
    "decode_header",
    "encode_header",
    "encode_record",
    "format_time",
    "hide_key",
    "load_payload",
    "parse_addr",
    "parse_record",
    "parse_records",
    "parse_time",
    "split_key",
    "split_message",
    "to_wire",
    "visible",
    "with_key",
]
