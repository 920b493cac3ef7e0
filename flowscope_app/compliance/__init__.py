"""Does an SDK keep the protocol? Cases played with a driver program against a collector that does as it is told."""

from flowscope_app.compliance.cases import Case, load_cases
from flowscope_app.compliance.runner import Outcome, play, play_all

__all__ = ["Case", "Outcome", "load_cases", "play", "play_all"]
