"""What a dialogue says to a form of a page."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FormReply:
    """`words` are those of the dialogue. `question` is the one that it asks, empty if it is over.

    `code` is that of the product or order that it was about, empty if nothing was done.
    """

    words: str
    is_done: bool
    question: str = ""
    code: str = ""
