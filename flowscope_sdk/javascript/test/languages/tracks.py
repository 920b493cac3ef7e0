"""What the window makes of a session: its roots, and each span with its parent and the track that it is drawn on."""

import json
import sys

from flowscope_app.spans.table import SpanTable
from flowscope_app.store import StoreReader

reader = StoreReader(sys.argv[1])
row = next(each for each in reader.sessions() if each.id == sys.argv[2])
table = SpanTable()
table.apply(reader.spans_since(row.key, 0))
names = table.names
print(
    json.dumps(
        {
            "roots": len(table.roots()),
            "languages": sorted(row.languages),
            "spans": [
                {
                    "name": names[int(table.op[at])],
                    "language": names[int(table.language[at])],
                    "parent": names[int(table.op[table.parent[at]])] if table.parent[at] >= 0 else None,
                    "track": int(table.strand[at]),
                }
                for at in range(table.n)
            ],
        }
    )
)
