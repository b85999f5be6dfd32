"""The rule by which channels are judged and the alerts as documents, and the look that finds them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from google.protobuf.message import Message
from pymongo import DESCENDING, IndexModel
from pymongo.asynchronous.client_session import AsyncClientSession
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import DuplicateKeyError

from services.metrics.rules import channels as rules
from services.metrics.rules.channels import CHANNELS, NAME, ChannelRule, Divergence, Gap
from services.metrics.rules.fact import Channel, Fact
from services.metrics.rules.period import Filter, Period
from services.metrics.rules.tally import Tally
from services.metrics.rules.values import Standing, Value
from services.metrics.store.counts import Counts
from services.metrics.store.instant import at_one_instant
from services.metrics.wire import channels as wire
from services.runtime.actor import system
from services.runtime.away import is_away
from services.runtime.door import now
from services.runtime.paging import Page, PageRequest
from services.runtime.records import Cause, Kind, Record, Records, Stamp

EVERY_SECONDS = 60.0
_RULE = ("response", "promises", "satisfaction", "least", "author", "set_at")


def _encode_rule(rule: ChannelRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in _RULE}


def _decode_rule(document: Mapping[str, Any]) -> ChannelRule:
    return ChannelRule(**{name: document[name] for name in _RULE})


def _encode(divergence: Divergence) -> dict[str, Any]:
    gap = divergence.gap
    return {
        "start": divergence.period.start,
        "end": divergence.period.end,
        "found_at": divergence.found_at,
        "metric": gap.metric,
        "worse": gap.worse.value,
        "better": gap.better.value,
        "margin": gap.margin,
        "difference": {**asdict(gap.difference), "standing": gap.difference.standing.value},
    }


def _decode(document: Mapping[str, Any]) -> Divergence:
    difference = document["difference"]
    return Divergence(
        Period(document["start"], document["end"]),
        Gap(
            document["metric"],
            Channel(document["worse"]),
            Channel(document["better"]),
            Value(**{**difference, "standing": Standing(difference["standing"])}),
            document["margin"],
        ),
        document["found_at"],
    )


def _message(event: Any, stamp: Stamp) -> Message:
    return wire.told(event, stamp.name, stamp.etag)


CHANNEL_RULES: Kind[ChannelRule] = Kind("channel_rules", _encode_rule, _decode_rule, _message, prefix="channelRules")
DIVERGENCES: Kind[Divergence] = Kind(
    collection="channel_divergences",
    prefix="channelDivergences",
    encode=_encode,
    decode=_decode,
    message=_message,
    indexes=(IndexModel([("state.found_at", DESCENDING), ("_id", DESCENDING)]),),
)


async def rule_in_force(records: Records[ChannelRule]) -> tuple[ChannelRule, str]:
    """The rule and its etag; the house's own rule and "" while nobody has set one."""
    record = (await records.find([NAME])).get(NAME)
    return (ChannelRule(), "") if record is None else (record.state, record.etag)


async def page_of_divergences(
    records: Records[Divergence], period: Period, page: PageRequest
) -> Page[Record[Divergence]]:
    """The alerts of the months that a period touches, the newest first."""
    where = {"state.start": {"$lt": period.end}, "state.end": {"$gt": period.start}}
    return await records.page(where, [("state.found_at", DESCENDING), ("_id", DESCENDING)], page)


class ByChannel:
    """What each channel adds up to."""

    def __init__(self, db: AsyncDatabase[dict[str, Any]], facts: Records[Fact]) -> None:
        self._db = db
        self._facts = facts

    async def tallies(self, period: Period, filter: Filter, scope: str) -> dict[Channel, Tally]:
        """By every channel, or by the one that the filter names, at one instant; none by which nothing came."""
        asked = CHANNELS if filter.channel is Channel.UNSPECIFIED else (filter.channel,)

        async def read(session: AsyncClientSession) -> dict[Channel, Tally]:
            counts = Counts(self._db, self._facts, session, scope)
            each = {one: await counts.sums(period, replace(filter, channel=one), courses=False) for one in asked}
            return {one: sums.whole for one, sums in each.items() if not sums.whole.is_empty}

        return await at_one_instant(self._db, read)

    async def revision(self, period: Period) -> int:
        """How often days of a period were made anew, those that are about to be included."""
        return await at_one_instant(
            self._db, lambda session: Counts(self._db, self._facts, session, "").revision(period)
        )


class ChannelWatch:
    """Looks at the months that count, over all units, and tells of each gap once."""

    def __init__(
        self,
        db: AsyncDatabase[dict[str, Any]],
        channels: ByChannel,
        channel_rules: Records[ChannelRule],
        divergences: Records[Divergence],
    ) -> None:
        self._turns = db["channel_turns"]
        self._channels = channels
        self._rules = channel_rules
        self._divergences = divergences
        self._looked: dict[Period, tuple[int, str]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Looks once a minute, until the service stops."""
        while not stop.is_set():
            try:
                if await self._my_turn(now()):
                    await self.look(now())
            except Exception as error:
                if not is_away(error):
                    raise
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await stop.wait()

    async def look(self, at: datetime) -> None:
        """Tells of what differs by more than the rule of now allows; a month that is as it was is passed over."""
        rule, etag = await rule_in_force(self._rules)
        for period in rules.months(at):
            state = (await self._channels.revision(period), etag)
            if self._looked.get(period) == state:
                continue
            for gap in rules.gaps(await self._channels.tallies(period, Filter(), ""), rule):
                divergence = Divergence(period, gap, at)
                name = rules.divergence_name(divergence)
                cause = Cause(f"diverged/{name}", system("metrics"), at)
                await self._divergences.create(name, cause, partial(rules.found, divergence))
            self._looked[period] = state

    async def _my_turn(self, at: datetime) -> bool:
        """One replica looks at a time; two that looked at once would tell the same alerts, under the same names."""
        try:
            await self._turns.find_one_and_update(
                {"_id": "look", "free_at": {"$lte": at}},
                {"$set": {"free_at": at + timedelta(seconds=EVERY_SECONDS) * 0.8}},
                upsert=True,
            )
        except DuplicateKeyError:
            return False
        return True
