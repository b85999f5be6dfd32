"""The CloudEvents binding: what one side encodes the other reads, and what is no event is told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.actor import system
from services.runtime.binding import MESSAGE_ID, BadEnvelope, UnknownType, decode, encode, stream_of
from tests.service.runtime.probe import COUNTED, MESSAGES, START, TRACEPARENT, entry, traced


def test_bus_binding_round_trip() -> None:
    """All that a listener needs survives the wire: message, resource, order, time, cause, person, trace."""
    told = traced(entry(3, number=42, text="打印机"))
    subject, payload, headers = encode(told)
    heard = decode(headers, payload, MESSAGES, "sla")
    assert subject == heard.type == COUNTED
    assert (heard.message.number, heard.message.text) == (42, "打印机")
    assert (heard.resource, heard.sequence) == ("probes/P-1", 3)
    assert heard.time == told.time == heard.cause.at
    assert (heard.cause.id, heard.cause.actor) == (told.id, system("sla", behalf="people/ann"))
    assert heard.traceparent == TRACEPARENT


def test_bus_binding_headers() -> None:
    """The headers are the ones of CloudEvents 1.0 in binary mode, and the id is what JetStream de-duplicates by."""
    told = entry(3)
    _, _, headers = encode(told)
    assert headers == {
        "Nats-Msg-Id": told.id,
        "ce-specversion": "1.0",
        "ce-id": told.id,
        "ce-type": COUNTED,
        "ce-source": "//throughline/probe",
        "ce-subject": "probes/P-1",
        "ce-time": "2026-03-02T09:00:03.123Z",
        "ce-sequence": "3",
        "ce-actor": "people/ann",
        "ce-recordedtime": "2026-03-02T09:00:03.130Z",
        "ce-datacontenttype": "application/protobuf",
    }


@given(st.text(min_size=1, max_size=40), st.text(max_size=40))
def test_bus_binding_any_text(resource: str, behalf: str) -> None:
    """Any text passes through headers, which hold ASCII only: line breaks, quotes, percent signs, Chinese."""
    told = replace(entry(1), resource=f"probes/{resource}", actor="system/tickets", behalf=behalf)
    _, payload, headers = encode(told)
    assert all(32 < ord(character) < 127 for value in headers.values() for character in value)
    heard = decode(headers, payload, MESSAGES, "sla")
    assert heard.resource == told.resource
    assert heard.cause.actor.behalf == behalf


def test_bus_binding_system_actor_carries_the_person_on() -> None:
    """A listener acts for the person behind a system's event, and for nobody where there is none."""
    _, payload, headers = encode(replace(entry(1), actor="system/tickets", behalf="people/bo"))
    assert decode(headers, payload, MESSAGES, "sla").cause.actor.behalf == "people/bo"
    _, payload, headers = encode(replace(entry(1), actor="system/tickets"))
    assert decode(headers, payload, MESSAGES, "sla").cause.actor.behalf == ""


def test_bus_binding_unknown_type() -> None:
    """A type of a newer publisher is not an error of the message."""
    _, payload, headers = encode(entry(1))
    with pytest.raises(UnknownType, match="Counted"):
        decode(headers, payload, {}, "sla")


@pytest.mark.parametrize("missing", ["ce-id", "ce-type", "ce-subject", "ce-time", "ce-sequence", "ce-actor"])
def test_bus_binding_missing_header(missing: str) -> None:
    """Without any one of these an event cannot be taken, and the error names which."""
    _, payload, headers = encode(entry(1))
    del headers[missing]
    with pytest.raises(BadEnvelope, match=missing):
        decode(headers, payload, MESSAGES, "sla")


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce-specversion", "0.3"),
        ("ce-sequence", "three"),
        ("ce-sequence", "0"),
        ("ce-time", "yesterday"),
        ("ce-time", "2026-03-02T09:00:03"),
        ("ce-datacontenttype", "application/json"),
    ],
)
def test_bus_binding_bad_header(header: str, value: str) -> None:
    """A wrong value is a bad envelope, never another error."""
    _, payload, headers = encode(entry(1))
    with pytest.raises(BadEnvelope):
        decode({**headers, header: value}, payload, MESSAGES, "sla")


def test_bus_binding_bad_payload() -> None:
    """Bytes that are no message of the type are a bad envelope; no headers at all too."""
    _, _, headers = encode(entry(1))
    with pytest.raises(BadEnvelope, match="payload"):
        decode(headers, b"\xff\xff\xff", MESSAGES, "sla")
    with pytest.raises(BadEnvelope):
        decode(None, b"", MESSAGES, "sla")


def test_bus_binding_same_entry_same_message() -> None:
    """Sending again is byte for byte the same, so that the id is right to stand for it."""
    assert encode(entry(5)) == encode(entry(5))
    assert encode(entry(5))[2][MESSAGE_ID] != encode(entry(6))[2][MESSAGE_ID]


def test_bus_stream_of_a_type() -> None:
    """The stream is the service's word in the type; anything else is refused."""
    assert stream_of("throughline.tickets.v1.TicketOpened") == "tickets"
    with pytest.raises(BadEnvelope):
        stream_of("tickets.TicketOpened")
    assert START.tzinfo is not None
