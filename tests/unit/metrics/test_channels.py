"""Channels side by side: what is a gap, what is chance, and that an alert is told once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.metrics.rules import channels
from services.metrics.rules.channels import ChannelRule, Divergence
from services.metrics.rules.fact import Channel
from services.metrics.rules.lengths import Lengths
from services.metrics.rules.period import Period
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import Standing
from services.runtime.actor import Actor, system
from services.runtime.refusal import Refusal

NOW = datetime(2026, 11, 20, tzinfo=UTC)
LEAD = Actor("people/lena", frozenset({"lead"}), frozenset(), "")


def came(hours: float = 1.0, kept: int = 0, of: int = 0, *, n: int = 60, seed: int = 1) -> Tally:
    """Tickets of one channel: `n` first responses around so many hours, `kept` of `of` promises to resolve."""
    chance = random.Random(seed)
    made, lengths = Tally(), Lengths()
    for _ in range(n):
        lengths.add(int(3600 * hours * chance.lognormvariate(0, 0.5)))
    made.lengths["first_response_time"] = lengths
    if of:
        made.shares["sla_met_resolution"] = [kept, of]
    return made


def test_a_channel_that_waits_much_longer_is_a_gap() -> None:
    """Three times as long against a margin of 50 %: told once, with the interval, from the slower side."""
    (gap,) = channels.gaps({Channel.PORTAL: came(1), Channel.EMAIL: came(3, seed=2)}, ChannelRule())

    assert (gap.metric, gap.worse, gap.better, gap.margin) == (
        "first_response_time", Channel.EMAIL, Channel.PORTAL, 50,
    )  # fmt: skip
    assert 50 < gap.difference.low < gap.difference.value < gap.difference.high


def test_a_gap_must_reach_beyond_the_margin_with_its_whole_interval() -> None:
    """Certainly slower, and yet perhaps by less than the margin: no gap; the same data against a smaller one is."""
    tallies = {Channel.PORTAL: came(1), Channel.EMAIL: came(1.8, seed=2)}

    assert channels.gaps(tallies, ChannelRule(response=80)) == ()
    assert len(channels.gaps(tallies, ChannelRule(response=10))) == 1


def test_promises_kept_less_often_are_a_gap() -> None:
    """60 of 100 against 95 of 100 is; 84 against 95 may be chance at a margin of 10 points."""
    good = came(kept=95, of=100)
    (gap,) = channels.gaps({Channel.CHAT: came(kept=60, of=100), Channel.PORTAL: good}, ChannelRule())

    assert (gap.metric, gap.worse, gap.better) == ("sla_met_resolution", Channel.CHAT, Channel.PORTAL)
    assert gap.difference.high < -10
    assert channels.gaps({Channel.CHAT: came(kept=84, of=100), Channel.PORTAL: good}, ChannelRule()) == ()


@pytest.mark.parametrize("n", [29, 59])
def test_too_few_tickets_are_never_a_gap(n: int) -> None:
    """Below thirty nothing is said, whatever the rule; below the rule's own least neither."""
    tallies = {Channel.PORTAL: came(1, n=n), Channel.EMAIL: came(9, n=200, seed=2)}

    assert channels.gaps(tallies, ChannelRule(least=60)) == ()
    assert len(channels.gaps(tallies, ChannelRule())) == (1 if n >= 30 else 0)


def test_noise_fires_nothing() -> None:
    """Sixty times six channels of the same service: not one pair is told to differ by the house's margins."""
    fired = 0
    for trial in range(60):
        chance = random.Random(trial)
        tallies: dict[Channel, Tally] = {
            channel: came(1, sum(chance.random() < 0.9 for _ in range(80)), 80, seed=trial * 10 + place)
            for place, channel in enumerate(channels.CHANNELS[:6])
        }
        fired += len(channels.gaps(tallies, ChannelRule()))
    assert fired == 0


def test_what_nothing_feeds_and_nobody_waits_for_says_so() -> None:
    """Satisfaction waits for answers; by phone there is no wait for a first response; neither is a zero."""
    shown = channels.values(Channel.PHONE, came(kept=9, of=10), Period(), NOW)

    assert [one.metric for one in shown] == ["metrics/E02", "metrics/E05-response", "metrics/E05", "metrics/E15"]
    assert [one.standing for one in shown] == [
        Standing.NOT_DEFINED, Standing.NOT_DEFINED, Standing.SHOWN, Standing.WAITING,
    ]  # fmt: skip
    assert shown[3].note == "survey answers"


def test_an_alert_has_one_name() -> None:
    """Whichever of a pair is worse, and whenever it is found in the month."""
    (gap,) = channels.gaps({Channel.PORTAL: came(1), Channel.EMAIL: came(3, seed=2)}, ChannelRule())
    first = Divergence(channels.months(NOW)[0], gap, NOW)
    turned = replace(first, gap=replace(gap, worse=gap.better, better=gap.worse), found_at=NOW + timedelta(days=1))

    assert channels.divergence_name(first) == "channelDivergences/2026-11.first_response_time.EMAIL.PORTAL"
    assert channels.divergence_name(turned) == channels.divergence_name(first)
    after, (told,) = channels.found(first)
    assert (after, told.divergence) == (first, first)


def test_a_month_is_looked_at_until_it_has_settled() -> None:
    """The running one always, the one before for a week."""
    assert channels.months(NOW) == (Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),)
    running, before = channels.months(datetime(2027, 1, 3, tzinfo=UTC))
    assert (running.start, running.end) == (datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 2, 1, tzinfo=UTC))
    assert (before.start, before.end) == (datetime(2026, 12, 1, tzinfo=UTC), running.start)


def test_the_rule_is_set_by_a_person_who_answers_for_it() -> None:
    """A lead may, an agent and a service may not; the same again changes nothing."""
    wanted = ChannelRule(response=30)
    rule, told = channels.set_rule(None, wanted, by=LEAD, at=NOW)

    assert (rule.response, rule.author, rule.set_at, len(told)) == (30, "people/lena", NOW, 1)
    assert channels.set_rule(rule, wanted, by=LEAD, at=NOW + timedelta(days=1)) == (rule, ())
    agent = Actor("people/ann", frozenset({"agent"}), frozenset(), "")
    for by, reason in ((agent, "ROLE_REQUIRED"), (system("metrics"), "PERSON_REQUIRED")):
        with pytest.raises(Refusal) as caught:
            channels.set_rule(rule, wanted, by=by, at=NOW)
        assert caught.value.reason == reason
