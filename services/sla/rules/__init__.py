"""Decisions about calendars, policies and clocks: values in, values or a Refusal out."""
