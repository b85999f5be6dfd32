"""Invented customers who sign in to the portal and file tickets over REST, as any program would."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from typing import Any

from deploy.local.demo.company import PASSWORD
from deploy.local.demo.shop import CUSTOMERS
from tool.demo.shop import ENTRY

_TIMEOUT_SECONDS = 15
_SAID = (
    ("付款页一直转圈，订单没有成功", "我在网上商城结账，付了三次都不行。", "上海"),
    ("The shop says: something went wrong", "I cannot finish my order since a minute ago.", "北京"),
    ("下单报错，购物车还在", "页面提示稍后再试，刷新也没用。", "成都"),
    ("网上商城不能结账", "朋友那边也一样，是不是系统坏了？", "上海"),
)


class NotTaken(Exception):
    """The portal answered with a problem; it says which."""


@dataclass
class Customers:
    """The customers of one run. url: of the portal. filed: the tickets that they have, "tickets/INC-000123"."""

    url: str
    filed: list[str] = field(default_factory=list)
    _tokens: dict[str, str] = field(default_factory=dict)
    _owners: dict[str, str] = field(default_factory=dict)

    @property
    def left(self) -> int:
        """How many have not complained yet."""
        return len(_SAID) - len(self.filed)

    def complain(self, trace: str = "") -> str:
        """The next one files an incident; answers its name. trace: what the error page gave as its reference.

        Raises:
            NotTaken: the portal refused it.
        """
        place = len(self.filed)
        title, text, site = _SAID[place]
        account = CUSTOMERS[place % len(CUSTOMERS)].key
        ticket = self._ask(
            "POST",
            "/tickets",
            {
                "type": "INCIDENT",
                "title": f"{title} ({trace})" if trace else title,
                "description": text,
                "channel": "PORTAL",
                "service": f"services/{ENTRY}",
                "site": site,
            },
            self._token(account),
        )
        name = str(ticket["name"])
        self.filed.append(name)
        self._owners[name] = account
        return name

    def withdraw(self) -> None:
        """They take back what they have filed.

        Raises:
            NotTaken: the portal refused it.
        """
        for name in self.filed:
            path = f"/{name}/cancel"
            self._ask("POST", path, {"reason": "The demo was broken off."}, self._token(self._owners[name]))
        self.filed.clear()

    def _token(self, account: str) -> str:
        if account not in self._tokens:
            session = self._ask("POST", "/session", {"account": account, "password": PASSWORD})
            self._tokens[account] = str(session["token"])
        return self._tokens[account]

    def _ask(self, method: str, path: str, body: dict[str, Any], token: str = "") -> dict[str, Any]:
        request = urllib.request.Request(f"{self.url}/api/v1{path}", json.dumps(body).encode(), method=method)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
            request.add_header("Idempotency-Key", str(uuid.uuid4()))
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            raise NotTaken(f"{method} {path}: {error.code} {error.read().decode(errors='replace')[:300]}") from error
        except OSError as error:
            raise NotTaken(f"{method} {path}: {error}") from error
