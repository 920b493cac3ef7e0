"""`import flowscope.auto` instruments every framework that FLOWSCOPE_AUTO names (all), imported before or after."""

from flowscope import _bootstrap

_bootstrap.instrument()
