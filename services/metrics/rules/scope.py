"""Whom an outage hit: requests, users and sites, each counted from sampled spans with a 95 % interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

from services.metrics.rules.availability import MOST_USERS, Hit, Sums
from services.metrics.rules.statistics import Z

_HASHES = float(1 << 63)
"""Users are hashed to 63 bits."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How many requests and users, between which bounds, and which sites."""

    requests: float = 0.0
    requests_low: float = 0.0
    requests_high: float = 0.0
    users: int = 0
    users_low: int = 0
    users_high: int = 0
    sites: tuple[str, ...] = ()


NOBODY_HIT = Scope()


def affected(sums: Sums, hit: Hit) -> Scope:
    """The scope of bad requests that started in a stretch. sums, hit: of all its slices."""
    low, high = interval(sums)
    users, users_low, users_high = people(hit, sums)
    return Scope(
        round(sums.begun_weight, 3),
        round(low, 3),
        round(high, 3),
        users,
        users_low,
        users_high,
        tuple(sorted(hit.sites)),
    )


def interval(sums: Sums) -> tuple[float, float]:
    """Between which bounds the weighted count of bad requests lies; exact when every one of them was seen.

    Each trace was kept with the probability 1 / weight, so the number of kept traces is binomial; the bounds are those
    counts at which what was seen would be 1.96 deviations off (a score interval), never fewer than were seen.
    """
    if not sums.begun_weight:
        return 0.0, 0.0
    kept = sums.begun / sums.begun_weight
    if kept >= 1.0:
        return sums.begun_weight, sums.begun_weight
    a_trace = sums.begun_squares / sums.begun_weight
    seen = sums.begun_weight / a_trace
    spread = Z * math.sqrt(1.0 - kept)
    root = math.sqrt(spread * spread + 4.0 * seen)
    low, high = ((root - spread) / 2.0) ** 2 * a_trace, ((root + spread) / 2.0) ** 2 * a_trace
    return max(low, float(sums.begun)), high


def people(hit: Hit, sums: Sums) -> tuple[int, int, int]:
    """How many users, at least and at most. Of sampled requests some users show none: Chao's estimate adds them.

    The number seen is exact up to MOST_USERS, and beyond that estimated from the smallest hashes within about 4 %.
    """
    seen = _seen(hit)
    if not seen:
        return 0, 0, 0
    kept = min(1.0, sums.begun / sums.begun_weight) if sums.begun_weight else 1.0
    full = len(hit.users) >= MOST_USERS
    error = Z * seen / math.sqrt(MOST_USERS) if full else 0.0
    if kept >= 1.0:
        return seen, max(len(hit.users), round(seen - error)), round(seen + error)
    scale = seen / len(hit.users)
    once = scale * sum(count == 1 for count in hit.users.values())
    twice = scale * sum(count == 2 for count in hit.users.values())
    unseen = (1.0 - kept) * once * max(once - 1.0, 0.0) / (2.0 * (twice + 1.0))
    if not unseen:
        return seen, round(seen - error), round(seen + error)
    ratio = once / (twice + 1.0)
    variance = (twice + 1.0) * (ratio**4 / 4.0 + ratio**3 + ratio**2 / 2.0)
    stretch = math.exp(Z * math.sqrt(math.log1p(variance / (unseen * unseen))))
    return (
        round(seen + unseen),
        max(len(hit.users), round(seen - error + unseen / stretch)),
        round(seen + error + unseen * stretch),
    )


def _seen(hit: Hit) -> int:
    """How many different users were seen: counted, or estimated by how dense the smallest hashes lie."""
    if len(hit.users) < MOST_USERS:
        return len(hit.users)
    return round((MOST_USERS - 1) * _HASHES / (max(hit.users) + 1))
