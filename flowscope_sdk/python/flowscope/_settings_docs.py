"""`python -m flowscope._settings_docs` prints docs/sdk-settings.md; a test holds the page against the table."""

from __future__ import annotations

import sys

from flowscope._config import SETTINGS, Setting

_HEAD = """# Settings of the Python SDK

Where a setting comes from, first to last: `flowscope.init(...)`, the environment, a settings file, the
default. A bad value warns once on standard error, in one line that says what is used instead, and the
program runs; a bad address switches tracing off. A setting without a value in `init` (None) or in the
environment (empty) counts as not given.

## The settings file
`flowscope.toml`, or the table `[tool.flowscope]` in `pyproject.toml`: the first that is found from the
working directory upwards. It is looked for once a process, and never in a program that FlowScope is not
attached to. One that belongs to another user (but root) is left out, for it says where the traces go.

```toml
# flowscope.toml; in pyproject.toml the same below [tool.flowscope]
addr = "tcp://127.0.0.1:3569"
auto_trace = ["langchain", "llamaindex"]
exclude = ["parse_*"]
sample = 0.25
max_value = "256KiB"
```

The file sets how a program is traced; attaching one that does not import `flowscope` still takes
`FLOWSCOPE_ADDR` in its environment.

## All settings
| variable | `init(...)` and file | default | type | meaning |
|---|---|---|---|---|
"""

_TAIL = """
In `init`, `auto` is called `auto_trace`, and `init` without it instruments nothing more than is.

## Leaving traces out
`FLOWSCOPE_SAMPLE` is decided where a trace begins, once for all that is below it. Over process borders the
decision goes along in the flags of `traceparent`: what is left out here is left out in the services and
child processes that are called, and what a caller has left out is left out here, whatever the setting says.

`include` and `exclude` are globs on operations (`*`, `?`, `[...]`, case counts). The children of an
operation that is left out belong to its caller.

## A function of your own that redacts
```python
def no_names(value):
    if isinstance(value, dict):
        return {key: no_names(item) for key, item in value.items()}
    if isinstance(value, list):
        return [no_names(item) for item in value]
    return value.replace("Ann Example", "[name]") if isinstance(value, str) else value

flowscope.init(redact=no_names)
```
It is called on a background thread with each operation, input, output, metadata and error text, as plain
JSON types (a dict, a list, a text, ...), after FlowScope's own masking; what it returns is sent. If it
raises, that value is replaced by `[redacted]` as a whole. What it calls is not traced.
"""


def render() -> str:
    """The page's text."""
    return _HEAD + "".join(_row(setting) for setting in SETTINGS) + _TAIL


def _row(setting: Setting) -> str:
    default = f"`{setting.default}`" if setting.default else ""
    kind = setting.type.replace(" | ", " or ")
    return f"| `{setting.env}` | `{setting.name}` | {default} | {kind} | {setting.meaning} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
