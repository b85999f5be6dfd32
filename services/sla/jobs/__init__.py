"""Work of the service that takes longer than a call."""

from services.sla.jobs.judging import Judging

__all__ = ["Judging"]
