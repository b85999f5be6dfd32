"""People and teams as somebody types them: a name, an account, or both, as forms print them: "Gao Xing (gao-xing)"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import partial

from flask_babel import gettext
from throughline.portal.v1 import people_pb2, people_service_pb2

from services.portal.web.backends import backends, calm
from services.portal.web.names import names
from services.portal.web.shown.reader import Reader, last_part

_SEPARATORS = re.compile(r"[\n,，、;；]+")
_WITH_ACCOUNT = re.compile(r".*[(（]\s*([a-z0-9][a-z0-9._-]{0,62})\s*[)）]")
_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_NAMESAKES = 20


def people_text(references: Iterable[str], joined: str = ", ") -> str:
    """People as the form prints them; `people` reads them back."""
    listed = list(references)
    known = names().people(listed)
    return joined.join(
        f"{known[one].display_name} ({last_part(one)})" if one in known else last_part(one) for one in listed
    )


def people(text: str, field: str, errors: dict[str, str]) -> list[str]:
    """Whom a text names, "people/..." in its order; `errors` gets what names nobody, or several."""
    found: list[str] = []
    for word in filter(None, (part.strip() for part in _SEPARATORS.split(text))):
        reference = _account(word) or _by_name(word, field, errors)
        if reference and reference not in found:
            found.append(reference)
    return found


def teams_text(references: Iterable[str], reader: Reader) -> str:
    """Teams as the form prints them; `teams` reads them back."""
    return ", ".join(f"{reader.called(one)} ({last_part(one)})" for one in references)


def teams(text: str, field: str, errors: dict[str, str]) -> list[str]:
    """Which teams a text names, "teams/..." in its order; `errors` gets what names none."""
    known = names().teams()
    called = {
        name.casefold(): reference for reference, team in known.items() for name in team.display_names.values()
    } | {last_part(reference): reference for reference in known}
    found: list[str] = []
    for word in filter(None, (part.strip() for part in _SEPARATORS.split(text))):
        named = _WITH_ACCOUNT.fullmatch(word)
        reference = called.get(named[1] if named else word.removeprefix("teams/").casefold(), "")
        if not reference:
            errors[field] = str(gettext("No team is called “%(name)s”.", name=word))
        elif reference not in found:
            found.append(reference)
    return found


def _account(word: str) -> str:
    """The person whose account is written; "" when it is none."""
    named = _WITH_ACCOUNT.fullmatch(word)
    account = named[1] if named else word.removeprefix("people/")
    reference = f"people/{account}"
    return reference if _ACCOUNT.fullmatch(account) and names().people([reference]) else ""


def _by_name(word: str, field: str, errors: dict[str, str]) -> str:
    asked = people_service_pb2.ListPeopleRequest(prefix=word, page_size=_NAMESAKES)
    answer = calm(partial(backends().people.ListPeople, asked), people_service_pb2.ListPeopleResponse())
    called: list[people_pb2.Person] = [one for one in answer.people if one.display_name == word and not one.disabled]
    if len(called) == 1:
        return called[0].name
    if called:
        accounts = ", ".join(last_part(one.name) for one in called)
        errors[field] = str(
            gettext("Several people are called “%(name)s”: write one of %(accounts)s.", name=word, accounts=accounts)
        )
    else:
        errors[field] = str(
            gettext("Nobody is called “%(name)s”: write the whole name, or the account, such as gao-xing.", name=word)
        )
    return ""
