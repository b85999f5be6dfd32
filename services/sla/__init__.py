"""Owns calendars, policies and the clocks of tickets, escalation plans, rotas and the chains of steps. Answers: what is
promised, until when and why then; who is on call; who was told.

Publishes their events. Hears the events of tickets, folded one by one, its own clocks', and the portal's of people.
Never edits a due date: a clock is a pure function of policy version, calendar version and history.
"""
