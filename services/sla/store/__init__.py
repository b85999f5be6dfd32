"""Documents of calendars, policies and clocks, of plans, rotas and chains, and the lists made of them."""

from services.sla.store.alike import Alike
from services.sla.store.book import Shelf
from services.sla.store.calendars import CALENDARS, editions_page
from services.sla.store.chains import CHAINS
from services.sla.store.clocks import CLOCKS, page_of_clocks
from services.sla.store.directory import PEOPLE, TEAMS
from services.sla.store.holidays import holiday_years
from services.sla.store.judgements import Judgements
from services.sla.store.past import Past
from services.sla.store.plans import PLAN_ORDER, PLANS
from services.sla.store.policies import POLICIES, POLICY_ORDER, page_of_versions
from services.sla.store.roster import Roster
from services.sla.store.rotas import ROTAS

__all__ = [
    "CALENDARS",
    "CHAINS",
    "CLOCKS",
    "PEOPLE",
    "PLANS",
    "PLAN_ORDER",
    "POLICIES",
    "POLICY_ORDER",
    "ROTAS",
    "TEAMS",
    "Alike",
    "Judgements",
    "Past",
    "Roster",
    "Shelf",
    "editions_page",
    "holiday_years",
    "page_of_clocks",
    "page_of_versions",
]
