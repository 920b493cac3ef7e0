"""Which operations are recorded: FLOWSCOPE_INCLUDE and FLOWSCOPE_EXCLUDE, as glob patterns."""

from __future__ import annotations

_REMEMBERED = 4096


class OperationFilter:
    """Answers by operation, from memory after the first time."""

    def __init__(self, include: tuple[str, ...], exclude: tuple[str, ...]) -> None:
        self._include = include
        self._exclude = exclude
        self._answers: dict[str, bool] = {}

    def keeps(self, operation: str) -> bool:
        """Whether spans of this operation are recorded."""
        answer = self._answers.get(operation)
        if answer is None:
            from fnmatch import fnmatchcase

            answer = not self._include or any(fnmatchcase(operation, pattern) for pattern in self._include)
            answer = answer and not any(fnmatchcase(operation, pattern) for pattern in self._exclude)
            if len(self._answers) < _REMEMBERED:
                self._answers[operation] = answer
        return answer
