"""What the service answers in place of what was asked for."""

from __future__ import annotations


class Refusal(Exception):
    """An error answer; `code` is one of those that the specification lists for the operation."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
