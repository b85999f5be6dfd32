"""Settings: a service that is told nonsense does not start, and says which name is wrong without its value."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.runtime.settings import Settings

NEEDED = {"TL_MONGO_URI": "mongodb://u:canary@db/", "TL_NATS_URL": "nats://n:4222", "TL_KEYS_DIR": "/keys"}


class Own(Settings):
    """A service with one setting of its own."""

    smtp_host: str


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exactly the environment that every service needs."""
    for name in os.environ:
        if name.startswith("TL_"):
            monkeypatch.delenv(name)
    for name, value in NEEDED.items():
        monkeypatch.setenv(name, value)


def test_reads_names_nested_names_and_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """TL_ADDRESSES__SLA reaches addresses["sla"]; a service's database is called as itself unless told otherwise."""
    monkeypatch.setenv("TL_ADDRESSES__SLA", "sla:50051")
    read = Settings.load("tickets")
    assert (read.addresses, read.database, read.epoch) == ({"sla": "sla:50051"}, "tickets", 1)
    monkeypatch.setenv("TL_DATABASE", "other")
    assert Settings.load("tickets").database == "other"


@pytest.mark.parametrize("name", sorted(NEEDED))
def test_missing_name_is_named(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a needed setting there is no start, and one line says which."""
    monkeypatch.delenv(name)
    with pytest.raises(SystemExit) as stopped:
        Settings.load("tickets")
    assert str(stopped.value) == f"tickets: {name} is missing"


def test_unknown_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt setting must not be ignored in silence; one that a subclass declares is known."""
    monkeypatch.setenv("TL_SMTP_HOST", "mail")
    with pytest.raises(SystemExit) as stopped:
        Settings.load("tickets")
    assert "TL_SMTP_HOST" in str(stopped.value)
    assert Own.load("portal").smtp_host == "mail"


def test_values_stay_out_of_errors_and_reprs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password inside an address is neither printed with the settings nor with their errors."""
    monkeypatch.setenv("TL_EPOCH", "canary")
    with pytest.raises(SystemExit) as stopped:
        Settings.load("tickets")
    assert "TL_EPOCH is unusable" in str(stopped.value)
    assert "canary" not in str(stopped.value)
    monkeypatch.delenv("TL_EPOCH")
    assert "canary" not in repr(Settings.load("tickets"))


def test_mounted_secrets_are_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Secret mounted as files gives the same settings; a folder that is not there stops the start."""
    (tmp_path / "TL_MONGO_URI").write_text("mongodb://from-file/\n")
    monkeypatch.setenv("TL_SECRETS_DIR", str(tmp_path))
    assert Settings.load("tickets").mongo_uri == NEEDED["TL_MONGO_URI"]
    monkeypatch.delenv("TL_MONGO_URI")
    assert Settings.load("tickets").mongo_uri == "mongodb://from-file/"
    monkeypatch.setenv("TL_SECRETS_DIR", str(tmp_path / "none"))
    with pytest.raises(SystemExit, match="TL_SECRETS_DIR"):
        Settings.load("tickets")


def test_settings_are_frozen() -> None:
    """Nothing changes what a running service was told."""
    with pytest.raises(ValidationError):
        Settings.load("tickets").epoch = 2  # type: ignore[misc]  # what must fail
