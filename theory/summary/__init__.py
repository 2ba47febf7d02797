"""One pass over logits, one record: all that the closed forms and the diagnosis ask of an ensemble."""

from theory.summary.record import Summary
from theory.summary.summarize import summarize

__all__ = ["Summary", "summarize"]
