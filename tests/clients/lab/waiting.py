"""Waiting for a condition with a deadline, the only way in which these tests wait."""

import time

PATIENCE = 30.0
"""Seconds after which something that should come at once will not come any more, on a busy machine."""

_PAUSE = 0.03


def until(condition, what, seconds=PATIENCE):
    """Polls until the condition gives something true and returns that; fails with `what` when the time is up."""
    deadline = time.monotonic() + seconds
    while True:
        outcome = condition()
        if outcome:
            return outcome
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain: {what() if callable(what) else what}")
        time.sleep(_PAUSE)
