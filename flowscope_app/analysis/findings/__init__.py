"""What to look at first: rules over a session's columns, each telling in plain words what is slow, wrong or dear."""

from flowscope_app.analysis.findings.clocks import clock_notes as clock_notes
from flowscope_app.analysis.findings.clocks import clocks_apart as clocks_apart
from flowscope_app.analysis.findings.finding import Calls as Calls
from flowscope_app.analysis.findings.finding import Finding as Finding
from flowscope_app.analysis.findings.registry import RULES as RULES
from flowscope_app.analysis.findings.registry import find as find
