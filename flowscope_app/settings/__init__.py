"""What the user can set, one row a setting, kept in a small JSON file in FlowScope's home."""

from flowscope_app.settings.file import Settings
from flowscope_app.settings.table import SETTINGS, Setting, Value, setting

__all__ = ["SETTINGS", "Setting", "Settings", "Value", "setting"]
