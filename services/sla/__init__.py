"""Owns calendars, policies and the clocks of tickets. Answers: what is promised, until when, and why then.

Publishes CalendarPublished, PolicyPublished and the events of clocks. Hears the events of tickets, folded one by one.
Never edits a due date: a clock is a pure function of policy version, calendar version and history.
"""
