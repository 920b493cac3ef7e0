"""Every numbered case of the protocol's vectors against flowscope.protocol and against the JSON Schemas."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import zstandard
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from flowscope.protocol import (
    REPAIRED,
    Batch,
    Header,
    ProtocolError,
    decode_body,
    encode_header,
    encode_record,
    parse_record,
    parse_records,
    split_message,
    to_wire,
)

PROTOCOL = Path(__file__).parents[2] / "flowscope_sdk" / "protocol"
VECTORS = PROTOCOL / "vectors"
INDEX = json.loads((VECTORS / "index.json").read_text(encoding="utf-8"))
CASES: list[dict[str, Any]] = INDEX["cases"]
EACH = pytest.mark.parametrize("case", CASES, ids=[f"{case['number']:03d}-{case['name']}" for case in CASES])


def _validators() -> dict[str, Draft202012Validator]:
    schemas = {
        name: json.loads((PROTOCOL / "schema" / f"{name}.schema.json").read_text(encoding="utf-8"))
        for name in ("universal-trace-1.0", "batch-header-1", "batch-header-2")
    }
    registry: Registry[Any] = Registry().with_resources(
        [(schema["$id"], Resource.from_contents(schema)) for schema in schemas.values()]
    )
    for schema in schemas.values():
        Draft202012Validator.check_schema(schema)
    return {name: Draft202012Validator(schema, registry=registry) for name, schema in schemas.items()}


VALIDATORS = _validators()
RECORD = VALIDATORS["universal-trace-1.0"]
HEADERS = {1: VALIDATORS["batch-header-1"], 2: VALIDATORS["batch-header-2"]}


def schema_of(header: Any) -> Draft202012Validator:
    """The schema of the version that a header names, the first one's if it names none."""
    version = header.get("version") if isinstance(header, dict) else None
    return HEADERS[version] if type(version) is int and version in HEADERS else HEADERS[1]


def frames_of(case: dict[str, Any]) -> list[bytes]:
    names = [case["header"], case["file"]] if "header" in case else [case["file"]]
    return [(VECTORS / name).read_bytes() for name in names]


def decompress(header: Header | None, body: bytes) -> bytes:
    if header is None or header.compression == "none":
        return body
    if header.compression == "gzip":
        return gzip.decompress(body)
    return zstandard.ZstdDecompressor().decompressobj().decompress(body)


def receive(frames: list[bytes]) -> tuple[Header | None, Batch]:
    """Take a message as a collector does: what is refused as a whole is a refusal without an index."""
    try:
        header, body = split_message(frames)
        return header, parse_records(decode_body(decompress(header, body)))
    except ProtocolError as error:
        return None, Batch([], [error], 1)


@EACH
def test_case_is_taken_or_refused_as_the_index_says(case: dict[str, Any]) -> None:
    header, batch = receive(frames_of(case))

    expect = case["expect"]
    accepted = [to_wire(record) for record in batch.records]
    assert accepted == expect["accepted"]
    assert json.dumps(accepted, sort_keys=True) == json.dumps(expect["accepted"], sort_keys=True)  # 1 is not 1.0
    refused = [{"index": e.index, "id": e.record_id, "field": e.field} for e in batch.refused]
    assert refused == [{key: entry[key] for key in ("index", "id", "field")} for entry in expect["refused"]]
    assert batch.refused_count == len(expect["refused"])
    if "header" in expect:
        assert header is not None
        assert json.loads(encode_header(header)) == expect["header"]


@EACH
def test_refusal_is_one_bounded_printable_line_that_begins_with_the_field(case: dict[str, Any]) -> None:
    for error in receive(frames_of(case))[1].refused:
        assert str(error) == error.reason
        assert error.reason.isprintable()
        assert len(error.reason) <= 500
        assert error.reason.startswith(error.field)


@EACH
def test_accepted_record_comes_back_equal_and_needs_no_second_repair(case: dict[str, Any]) -> None:
    for record in receive(frames_of(case))[1].records:
        line = encode_record(record)
        assert b"\n" not in line
        (again,) = parse_records(decode_body(line)).records
        assert again == record
        assert record.end_ns is None or record.end_ns >= record.start_ns
        assert (record.status == "pending") == (record.end_ns is None)
        for payload in (record.input, record.output):
            assert payload is None or orjson.dumps(orjson.loads(payload))
        orjson.dumps(record.metadata)


@EACH
def test_schema_agrees_with_the_index(case: dict[str, Any]) -> None:
    """The schema refuses what the index marks as "schema", and nothing else that is JSON."""
    refused = {entry["index"]: entry["by"] for entry in case["expect"]["refused"]}
    if "header" in case:
        header = _lenient_json((VECTORS / case["header"]).read_bytes())
        whole = refused.get(None)
        assert schema_of(header).is_valid(header) is (whole in (None, "meaning")) or whole == "json"
        return
    body = _lenient_json(frames_of(case)[-1])
    if body is None:
        assert all(by == "json" for by in refused.values()) or case["name"] == "depth-2000"
        return
    for index, element in enumerate(body if isinstance(body, list) else [body]):
        by = refused.get(index, refused.get(None))
        if by != "json":
            assert RECORD.is_valid(element) is (by != "schema"), f"element {index}"


@EACH
def test_normal_form_satisfies_the_schema(case: dict[str, Any]) -> None:
    for record in case["expect"]["accepted"]:
        RECORD.validate(record)
    if "header" in case["expect"]:
        schema_of(case["expect"]["header"]).validate(case["expect"]["header"])


def _lenient_json(data: bytes) -> Any:
    """Return the value of JSON, or of what the protocol takes for JSON; None if the standard library can't."""
    try:
        text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def test_index_and_folders_name_the_same_files() -> None:
    named = {name for case in CASES for name in (case["file"], case.get("header")) if name}
    on_disk = {f"{folder}/{path.name}" for folder in ("valid", "invalid") for path in (VECTORS / folder).iterdir()}
    assert named == on_disk


def test_cases_are_numbered_without_gaps_and_named_once() -> None:
    assert [case["number"] for case in CASES] == list(range(1, len(CASES) + 1))
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert INDEX["format"] == "flowscope-vectors"


@EACH
def test_case_is_well_formed(case: dict[str, Any]) -> None:
    expect = case["expect"]
    assert case["description"].endswith(".")
    assert {"accepted", "refused"} <= set(expect) <= {"accepted", "refused", "header"}
    for entry in expect["refused"]:
        assert set(entry) == {"index", "id", "field", "by"}
        assert entry["by"] in ("json", "schema", "meaning")
    own = [name for name in (case["file"], case.get("header")) if name and f"/{case['number']:03d}-" in name]
    assert own
    assert all(name.startswith("invalid/" if expect["refused"] else "valid/") for name in own)


def _repairs() -> Iterator[str]:
    for case in CASES:
        for record in case["expect"]["accepted"]:
            yield from record["metadata"].get(REPAIRED, [])


def test_every_kind_of_repair_has_a_case() -> None:
    assert {line.split(":")[0] for line in _repairs()} == {
        "end_time",
        "status",
        "parent_id",
        "input",
        "output",
        "metadata",
        "json",
    }


def test_parsing_leaves_the_object_as_it_was() -> None:
    for case in CASES:
        if case["file"].startswith("valid/") and "header" not in case:
            for element in decode_body(frames_of(case)[0]):
                before = repr(element)
                parse_record(element)
                assert repr(element) == before
