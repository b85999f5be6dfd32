"""Whose fault a failed request was, by what is left of its trace, and what the votes come to."""

from __future__ import annotations

import pytest

from services.metrics.rules.blame import Bone, Ended, Share, Suspect, Trace, Verdict, Vote, few, judge, shares

FAULT, LATE, SILENT, FINE, CALLERS = Ended.FAULT, Ended.LATE, Ended.SILENT, Ended.FINE, Ended.CALLERS


def served(span: str, service: str, parent: str = "", ended: Ended = FAULT, took: tuple[int, int] = (0, 100)) -> Bone:
    """A request to a service."""
    bad = ended in (FAULT, LATE)
    return Bone(b"t", span.encode(), parent.encode(), service, False, bad, *took, int(ended), "", "Do", 1.0)


def called(
    span: str, service: str, parent: str, callee: str, ended: Ended = FAULT, took: tuple[int, int] = (10, 90)
) -> Bone:
    """A call from a service."""
    ids = (b"t", span.encode(), parent.encode())
    return Bone(*ids, service, True, False, *took, int(ended), callee, "Do", 1.0)


def vote_of(service: str, *bones: Bone) -> Vote:
    """Whom the request to a service blames, in whatever order its bones came, and some of them twice."""
    orders = (bones, bones[::-1], bones + bones)
    found = {vote for order in orders for bone, vote in Trace(order).votes() if bone.service == service}
    assert len(found) == 1
    return found.pop()


@pytest.mark.parametrize(
    ("bones", "vote"),
    [
        ([], Vote("web", "error")),
        ([called("c", "web", "s", "pay"), served("p", "pay", "c")], Vote("pay", "error")),
        ([called("c", "web", "s", "pay", SILENT)], Vote("pay", "unreachable")),
        ([called("c", "web", "s", "pay", CALLERS)], Vote("web", "bad caller")),
        ([called("c", "web", "s", "", SILENT)], Vote("", "")),
        ([called("c", "web", "internal", "pay", SILENT)], Vote("pay", "unreachable")),
        (
            [called("c", "web", "s", "pay", SILENT, (10, 20)), called("d", "web", "s", "pay", FINE, (21, 90))],
            Vote("web", "error"),
        ),
        (
            [called("c", "web", "s", "stock", SILENT, (10, 50)), called("d", "web", "s", "pay", SILENT, (10, 90))],
            Vote("pay", "unreachable"),
        ),
    ],
    ids=[
        "itself",
        "its callee",
        "silence",
        "asked wrongly",
        "unknown",
        "beneath internal spans",
        "tried again",
        "last",
    ],
)
def test_a_failed_request_blames(bones: list[Bone], vote: Vote) -> None:
    """Down along failing calls, to the one that fails for no reason below it."""
    assert vote_of("web", served("s", "web"), *bones) == vote


def test_who_ran_out_of_time_blames_what_took_it() -> None:
    """A call of four fifths of the time is to blame, a shorter one is not; a server that is left is slow itself."""
    late = served("s", "web", ended=LATE)
    assert vote_of("web", late, called("c", "web", "s", "pay", FINE, (5, 90))) == Vote("pay", "slow")
    assert vote_of("web", late, called("c", "web", "s", "pay", FINE, (5, 60))) == Vote("web", "slow")
    left = served("p", "pay", "c", Ended.LEFT)
    assert vote_of("web", late, called("c", "web", "s", "pay", LATE), left) == Vote("pay", "slow")


def test_a_circle_of_calls_ends() -> None:
    """Spans that claim to lie beneath each other vote for nobody."""
    bones = [served("s", "web", "d"), called("c", "web", "s", "pay"), served("p", "pay", "c")]
    assert vote_of("web", *bones, called("d", "pay", "p", "web")) == Vote("", "")


def test_votes_become_a_verdict() -> None:
    """Sixty per cent make a root when it fails too or cannot answer; a chain leads to its end; doubt stays doubt."""

    def suspect(service: str, *of: tuple[str, str, int]) -> Suspect:
        return Suspect(service, 10, 20, tuple(Share(*one) for one in of))

    web = suspect("web", ("orders", "error", 700), ("web", "error", 300))
    orders = suspect("orders", ("pay", "unreachable", 1000))
    assert judge(web, {"orders": orders}, 12) == Verdict("pay", symptomatic=True)
    assert judge(web, {}, 12) == Verdict("web", symptomatic=False)
    assert judge(suspect("web"), {}, 12) == Verdict("web", symptomatic=False)
    assert judge(suspect("web", ("", "", 400), ("orders", "error", 600)), {}, 12) == Verdict("", symptomatic=False)
    assert judge(suspect("web", ("a", "error", 500), ("b", "error", 500)), {}, 12) == Verdict("", symptomatic=False)
    assert shares({Vote("a", "error"): 3.0, Vote("b", "slow"): 1.0}) == (
        Share("a", "error", 750),
        Share("b", "slow", 250),
    )


def test_of_too_many_bones_whole_traces_are_kept() -> None:
    """Of ten traces of three bones as many as fit, always the same ones; of a single one that is too long its first."""
    bones = [
        served(f"s{trace}{number}", "shop")._replace(trace=bytes([99 - trace] * 8 + [trace] * 8))
        for trace in range(10)
        for number in range(3)
    ]
    assert few(bones, 30) == bones
    for most, traces in ((29, 9), (12, 4), (11, 3), (3, 1)):
        kept = few(bones[::-1], most)
        assert sorted(kept) == sorted(one for one in bones if one.trace[15] < traces)
    assert few(bones[:3], 2) == bones[:2]
