"""What the portal's events say of people and teams."""

from __future__ import annotations

from throughline.portal.v1 import people_pb2

from services.sla.rules.directory import REQUESTER, Colleague, Group


def colleague(message: people_pb2.Person, before: Colleague | None) -> Colleague:
    """A person as far as he may be told; who was staff once stays on the list, as gone."""
    staff = bool(message.teams) or any(role != REQUESTER for role in message.roles)
    once = staff or (before is not None and before.staff)
    return Colleague(message.display_name or message.name, once, message.disabled or not staff, message.vip)


def group(message: people_pb2.Team) -> Group:
    """A team and who leads it."""
    return Group(dict(message.display_names), message.lead, message.retired)
