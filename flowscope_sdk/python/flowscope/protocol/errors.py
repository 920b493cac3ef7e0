"""What is refused, said in one bounded line that is safe to print."""

from typing import Any

REASON_LIMIT = 400
_TYPE_NAMES = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


class ProtocolError(ValueError):
    """Something on the wire that can't be taken.

    `reason` is one line of at most some 500 characters, printable whatever was sent. `field` names the
    member at fault ("" for the whole), `record_id` is the record's id as sent if it could be read, and `index`
    its place in the batch, from 0, where the error is about one record of a batch.
    """

    def __init__(self, what: str, *, field: str = "", record_id: object = None) -> None:
        super().__init__(what)
        self.field = field
        self.record_id = record_id if isinstance(record_id, str) else None
        self.index: int | None = None
        self._what = visible(f"{field}: {what}" if field else what, REASON_LIMIT)

    @property
    def reason(self) -> str:
        if not self.record_id:
            return self._what
        return f'{self._what} (record "{visible(self.record_id, 64)}")'

    def __str__(self) -> str:
        return self.reason


class UnknownVersion(ProtocolError):  # noqa: N818 - reads better where it is caught
    """A protocol version that is not spoken here."""


class AddressError(ProtocolError):
    """An address that doesn't parse."""


def visible(text: str, limit: int = 80) -> str:
    r"""Return `text` cut to about `limit` characters, with all that is not printable written as an escape.

    Control characters, line ends, direction overrides and lone surrogates come out as \xNN or \uNNNN, so that
    untrusted text can neither break a line nor disguise itself.
    """
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isprintable():
        return text
    escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
    return escaped if len(escaped) <= limit else escaped[: limit - 1] + "…"


def describe(value: Any) -> str:
    """Say what a JSON value is: a string quoted and cut, anything else by its type."""
    if isinstance(value, str):
        return f'"{visible(value, 60)}"'
    return _TYPE_NAMES.get(type(value), type(value).__name__)
