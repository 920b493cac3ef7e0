"""The window as a whole: application, layout, actions and the link to the collector."""
