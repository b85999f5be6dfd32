"""iCalendar files (RFC 5545): entries out of one, and the days of a calendar as one."""

from services.sla.wire.ics.reading import entries
from services.sla.wire.ics.writing import written

__all__ = ["entries", "written"]
