"""The views a person reads a session in; none knows another, all share one `ViewState`."""
