"""Sessions to files and back: a registry of formats, streaming both ways, whole or not at all."""

from flowscope_app.exchange.contents import Contents
from flowscope_app.exchange.importer import Progress, import_file
from flowscope_app.exchange.output import replacing
from flowscope_app.exchange.registry import FORMATS, Format, format_named, format_of_file, readable

__all__ = [
    "FORMATS",
    "Contents",
    "Format",
    "Progress",
    "format_named",
    "format_of_file",
    "import_file",
    "readable",
    "replacing",
]
