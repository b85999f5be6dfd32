"""One outage, played: an ordinary time, a fault, customers who complain, and what the board makes of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from deploy.local.demo import shop as business
from deploy.local.demo.loader import Loader
from services.runtime.refusal import Refusal
from tool.connection import Connection
from tool.demo.customers import Customers, NotTaken
from tool.demo.shop import ENTRY, WARM_UP, Fault, Shop
from tool.demo.story import Reader, Story, news

TICK_SECONDS, LOOK_SECONDS = 0.25, 2.0
BEHIND = timedelta(seconds=2)
"""So far behind the clock requests are played, so that each has ended when it is told."""
FIRST_COMPLAINT, NEXT_COMPLAINT = timedelta(seconds=12), timedelta(seconds=8)
"""From the fault to the first customer who complains, and from one to the next."""
LONGEST_CLOSING = timedelta(minutes=9)
"""An outage closes after five good minutes."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The running system. url: of the portal; endpoint: "host:port" that takes OTLP/gRPC; secret: the sender's."""

    connection: Connection
    url: str
    endpoint: str
    secret: str


def prepare(stage: Stage, at: datetime) -> None:
    """Makes the business service, what an order is worth, and the customers, where they are missing.

    Raises:
        Refusal: a service refused, or was away for too long.
    """
    business.publish(Loader(stage.connection, at.replace(hour=0, minute=0, second=0, microsecond=0)), ENTRY)


class Play:
    """One run. say: told a line of progress. Use it as the calls stand: warm_up, strike, until_told, heal."""

    def __init__(self, stage: Stage, shop: Shop, say: Callable[[str], None]) -> None:
        self.customers = Customers(stage.url)
        self.told = Story()
        self._shop = shop
        self._say = say
        self._reader = Reader(stage.connection)
        self._played = _now() - BEHIND

    def warm_up(self) -> None:
        """Tells of the last minutes, in which nothing was wrong."""
        self._shop.play(self._played - WARM_UP, self._played)

    def strike(self, fault: Fault) -> None:
        """From now on something is wrong."""
        self._shop.fault = replace(fault, start=max(fault.start, self._played))

    def until_told(self, longest: timedelta) -> Story:
        """Goes on until the board has told it all, or `longest` is over; customers complain meanwhile.

        Raises:
            Refusal, NotTaken: the system refused something.
        """
        fault = self._struck()
        due = fault.start + FIRST_COMPLAINT
        look = fault.start
        while not self._all_told() and self._played < fault.start + longest:
            self._tick()
            if self.customers.left and self._played >= due:
                self._complain()
                due += NEXT_COMPLAINT
            if self._played >= look:
                self._look()
                look = self._played + timedelta(seconds=LOOK_SECONDS)
        return self.told

    def heal(self, *, until_closed: bool = False) -> Story:
        """Ends the fault; with until_closed it goes on, as after a repair, until the outage is closed.

        Raises:
            Refusal: the system refused something.
        """
        fault = self._struck()
        healed = max(self._played, fault.start)
        self._shop.fault = replace(fault, end=healed)
        while until_closed and self.told.state != "closed" and self._played < healed + LONGEST_CLOSING:
            self._tick()
            self._look()
            time.sleep(LOOK_SECONDS)
        self._shop.flush()
        self._look()
        return self.told

    def _all_told(self) -> bool:
        named = {name for name, _ in self.told.tickets}
        return self.told.whole and not self.customers.left and named.issuperset(self.customers.filed)

    def _struck(self) -> Fault:
        if self._shop.fault is None:
            raise ValueError("nothing has been broken yet")
        return self._shop.fault

    def _tick(self) -> None:
        time.sleep(TICK_SECONDS)
        until = _now() - BEHIND
        if until > self._played:
            self._shop.play(self._played, until)
            self._played = until

    def _complain(self) -> None:
        # The first one copies the reference from the error page.
        trace = self._shop.failed[-1] if self._shop.failed and not self.customers.filed else ""
        self._since(f"a customer files {self.customers.complain(trace).partition('/')[2]}")

    def _look(self) -> None:
        told = self._reader.read(self._struck(), _now())
        for line in news(self.told, told):
            self._since(line)
        self.told = told

    def _since(self, line: str) -> None:
        seconds = (_now() - self._struck().start) // timedelta(seconds=1)
        self._say(f"{seconds:4d} s  {line}")


def restore(play: Play, say: Callable[[str], None]) -> None:
    """Puts things back after a break: nothing is wrong any more, and the customers withdraw what they filed."""
    try:
        play.heal()
        play.customers.withdraw()
    except (Refusal, NotTaken, ValueError) as error:
        say(f"Not everything could be put back: {error}")


def _now() -> datetime:
    return datetime.now(UTC)
