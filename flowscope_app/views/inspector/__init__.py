"""The inspector: everything about the selected span."""
