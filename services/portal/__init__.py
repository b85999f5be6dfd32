"""Owns people, teams, passwords and sessions; answers PeopleService; publishes PersonChanged to SignedOut.

Hears nothing yet. Never: decides for another service. Its second process, `web`, is the pages and REST, without state.
"""
