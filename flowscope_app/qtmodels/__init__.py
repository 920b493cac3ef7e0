"""Qt state and item models, without widgets."""
