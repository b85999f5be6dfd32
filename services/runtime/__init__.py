"""How any service runs: settings, telemetry, the door, records, journal, relay, bus, timers, jobs.

It knows no word of service management and imports no service.
"""
