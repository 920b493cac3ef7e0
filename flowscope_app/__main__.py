"""`python -m flowscope_app` is the `flowscope` command."""

import sys

from flowscope_app.cli import main

sys.exit(main())
