"""Who acts: a person signed in at the portal, or a service acting on somebody's behalf."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.runtime.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Actor:
    """The proven caller of a command; permission itself is decided by rules.

    sub: "people/<id>" or "system/<service>". teams: "teams/<id>". unit: access scope.
    behalf: for a system actor, the `sub` of the person whose act it carries on ("" when nobody's).
    """

    sub: str
    roles: frozenset[str] = field(default_factory=frozenset)
    teams: frozenset[str] = field(default_factory=frozenset)
    unit: str = ""
    behalf: str = ""

    @property
    def is_system(self) -> bool:
        """Whether a service acts, not a person."""
        return self.sub.startswith("system/")

    def has(self, *roles: str) -> bool:
        """Whether the actor holds at least one of the roles."""
        return not self.roles.isdisjoint(roles)

    def require(self, *roles: str, to: str) -> None:
        """Refuses FORBIDDEN unless the actor holds one of the roles; `to` completes "You may not ...".

        Raises:
            Refusal: ROLE_REQUIRED, naming the roles that may.
        """
        if not self.has(*roles):
            raise Refusal.forbidden("ROLE_REQUIRED", f"You may not {to}; it takes the role {' or '.join(roles)}.")


def system(service: str, behalf: str = "") -> Actor:
    """The actor under which a service's own handlers and timers act."""
    return Actor(sub=f"system/{service}", roles=frozenset({"system"}), behalf=behalf)
