"""FlowScope, the desktop debugger for LLM programs."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("flowscope-app")
except PackageNotFoundError:  # run straight out of an unpacked source tree
    __version__ = "0+unknown"
