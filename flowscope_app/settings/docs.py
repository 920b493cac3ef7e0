"""`python -m flowscope_app.settings.docs` prints docs/settings.md; a test holds the page against the table."""

from __future__ import annotations

import json
import sys

from flowscope_app.settings.file import FILE_NAME
from flowscope_app.settings.table import SETTINGS, Setting

_HEAD = f"""# Settings

What the window remembers and what you can set, kept in `{FILE_NAME}` in FlowScope's home
(`$FLOWSCOPE_HOME`, by default the platform's user data folder). The file is JSON:

```json
{{"version": 1, "settings": {{"appearance.theme": "dark"}}}}
```

Only what differs from the default stands in it. It is replaced whole at each save. A file that can't be
used is set aside as `{FILE_NAME}.broken` and the window says so; a single value that does not fit is
ignored and named, and the rest holds. Settings of the SDK: [sdk-settings.md](sdk-settings.md).

| setting | type | default | meaning |
|---|---|---|---|
"""


def render() -> str:
    """The page's text."""
    return _HEAD + "".join(_row(row) for row in SETTINGS)


def _row(row: Setting) -> str:
    kind = (
        " \\| ".join(f"`{choice}`" for choice in row.choices)
        or {
            bool: "true or false",
            int: "whole number",
            float: "number",
            str: "text",
        }[row.type]
    )
    if row.minimum is not None or row.maximum is not None:
        low = "" if row.minimum is None else f"{row.minimum:g}"
        high = "" if row.maximum is None else f"{row.maximum:g}"
        kind += f", {low}..{high}"
    default = f"`{json.dumps(row.default)}`" if row.default != "" else ""
    return f"| `{row.name}` | {kind} | {default} | {row.help} |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
