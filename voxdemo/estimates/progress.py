"""How much of a job is left. Arithmetic; knows no clock."""


def remaining_s(expected_s: float | None, done: float, done_at_s: float, now_s: float) -> float | None:
    """Seconds left of a job that was expected to take `expected_s`, `now_s` after it began.

    At `done_at_s` the share `done` of the work was over. The more of it is done, the more its own pace counts against
    what was expected. None where nothing was expected and nothing is done.
    """
    if done <= 0:
        return None if expected_s is None else max(0.0, expected_s - now_s)
    by_own_pace = done_at_s / done
    total_s = by_own_pace if expected_s is None else done * by_own_pace + (1 - done) * expected_s
    return max(0.0, (1 - done) * total_s - (now_s - done_at_s))
