"""Documents of calendars, policies and clocks, and the lists made of them."""

from services.sla.store.book import Shelf
from services.sla.store.calendars import CALENDARS
from services.sla.store.clocks import CLOCKS, page_of_clocks
from services.sla.store.policies import POLICIES, POLICY_ORDER

__all__ = ["CALENDARS", "CLOCKS", "POLICIES", "POLICY_ORDER", "Shelf", "page_of_clocks"]
