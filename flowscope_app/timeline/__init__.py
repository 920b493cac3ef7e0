"""The timeline without a window: viewport, rows, draw list, ticks and overview, in numpy alone."""
