"""How long people wait in a line, by queueing theory. Knows seconds and counts, nothing of servers.

Two models. People who each ask again as soon as they have their answer are a closed line (a fixed population). People
who come and go are an open one (Poisson arrivals, M/G/c).
"""

import heapq
import math
import random
import statistics
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np

SIMULATED = 20_000
"""Requests that a closed line is played through with: the 95th percentile is then good to about a percent."""
MOST_LOAD = 0.9
"""How busy servers may be in what is recommended: beyond, the slightest error in the load makes waits grow."""
REFUSED = 0.001
"""The share that may find a line of the recommended size full."""
METHOD = (
    "Method: requests arrive at random, and waits follow Erlang C with the Allen-Cunneen correction for varying"
    " service times (M/G/c: mean wait C/(cμ-λ)·(1+CV²)/2, exponential tail)."
)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of these values that this share of them, 0..1, doesn't exceed (nearest rank)."""
    return float(np.quantile(values, share, method="inverted_cdf"))


def closed_waits(
    services: Sequence[float], users: int, servers: int, think_s: float, rng: random.Random
) -> list[float]:
    """Waits of SIMULATED requests in a closed line, first come first served, once it has settled.

    Each of the `users` asks again `think_s` seconds (exponential, on average) after their answer. Services are drawn
    from those given, independently (Efron's bootstrap, "Annals of Statistics" 7, 1979). With one server and no thinking
    this is exact: a request finds `users` - 1 others, one of them just beginning, and waits for the sum of their
    services.
    """
    free = [0.0] * servers
    asking = [(rng.expovariate(1 / think_s) if think_s else 0.0, user) for user in range(users)]
    heapq.heapify(asking)
    waits: list[float] = []
    while len(waits) < SIMULATED + 10 * users:
        asked_at, user = heapq.heappop(asking)
        begun_at = max(asked_at, heapq.heappop(free))
        ended_at = begun_at + rng.choice(services)
        heapq.heappush(free, ended_at)
        waits.append(begun_at - asked_at)
        heapq.heappush(asking, (ended_at + (rng.expovariate(1 / think_s) if think_s else 0.0), user))
    return waits[10 * users :]


def load(services: Sequence[float], per_s: float) -> float:
    """How much work comes, in servers' worth of it, when `per_s` requests come in a second."""
    return per_s * statistics.fmean(services)


def erlang_c(servers: int, load: float) -> float:
    """The share of arrivals that must wait (Erlang 1917); `load` in servers' worth of work, below `servers`."""
    blocked = 1.0
    for number in range(1, servers + 1):  # Erlang B by its recursion, which is stable
        blocked = load * blocked / (number + load * blocked)
    return servers * blocked / (servers - load * (1 - blocked))


def open_wait(services: Sequence[float], per_s: float, servers: int, share: float) -> float:
    """The wait that this share of requests doesn't exceed, when `per_s` come in a second; infinite where too many do.

    Erlang's C for how many wait, an exponential tail for how long, stretched by how much services vary: the mean wait
    is C / (c μ - λ) (1 + CV²) / 2, by Allen and Cunneen (Allen, "Probability, Statistics, and Queueing Theory", 1990).
    """
    service_s = statistics.fmean(services)
    load = per_s * service_s
    if load >= servers:
        return math.inf
    waiting = erlang_c(servers, load)
    variation = statistics.pvariance(services) / service_s**2
    if_waiting_s = (1 + variation) / 2 / (servers / service_s - per_s)
    return max(0.0, if_waiting_s * math.log(waiting / (1 - share))) if waiting > 1 - share else 0.0


def most_people(services: Sequence[float], each_per_s: float, servers: int, wait_s: float) -> int:
    """How many people, who each ask so often, can be online until more than 5 % of the waits exceed `wait_s`.

    Never so many that the servers are busy for more than MOST_LOAD of the time.
    """
    most = int(MOST_LOAD * servers / (statistics.fmean(services) * each_per_s))

    def waits_too_long(people: int) -> bool:
        return open_wait(services, people * each_per_s, servers, 0.95) > wait_s

    return bisect_left(range(1, most + 1), True, key=waits_too_long)


def queue_size(services: Sequence[float], per_s: float, servers: int, first: float = 0.0) -> int:
    """How many must be able to wait so that at most REFUSED of all are refused.

    P(q wait) = C ρ^q (M/M/c), where q is stretched by how much services vary, as waits are, and by 1 / (1 - `first` ρ)
    where that share of the work goes before the rest (Cobham, "Operations Research" 2, 1954).
    """
    service_s = statistics.fmean(services)
    load = per_s * service_s
    waiting = erlang_c(servers, load)
    if waiting <= REFUSED:
        return 1
    stretch = max(1.0, (1 + statistics.pvariance(services) / service_s**2) / 2) / (1 - first * load / servers)
    return math.ceil(math.log(REFUSED / waiting) / math.log(load / servers) * stretch)
