"""What tests in Python wait with: for conditions, never for times."""
import time


def until(condition, what, bound=20.0):
    """What `condition` gives as soon as that is true; fails after `bound` seconds, which only a broken program needs."""
    end = time.monotonic() + bound
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {bound} s: {what}")
        time.sleep(0.02)
    return value
