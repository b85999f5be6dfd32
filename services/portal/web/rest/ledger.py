"""How amounts come to be: explanations, bookings, gains, rates, what-if, and the replay of the recorded intake."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_RATES = {"name": "rateTables/{id}"}
_JOB = {"name": "jobs/{id}"}

ROUTES = (
    Route("GET", "/ledgerEntries/{id}/explanation", "ledger", "ExplainLedgerEntry",
          "One row computed anew, with who agreed to what and everything of the same cause",
          binds={"name": "ledgerEntries/{id}"}),
    Route("GET", "/bookings", "ledger", "ListBookings", "What claims time in a period, and why some has no amount"),
    Route("GET", "/ledgerInputs", "ledger", "ListLedgerInputs", "The journal of the ledger's inputs"),
    Route("POST", "/gains", "ledger", "BookGain", "Book a benefit by an approved model", 201),
    Route("POST", "/costModels/example", "ledger", "WorkExample", "What a draft makes of one invented fault"),
    Route("GET", "/rateTables", "ledger", "ListRateTables", "Rates of exchange, each table with its latest version"),
    Route("POST", "/rateTables", "ledger", "DraftRateTable", "Draft a version", 201),
    Route("GET", "/rateTables/{id}", "ledger", "GetRateTable", "One version, the latest by default", binds=_RATES),
    Route("POST", "/rateTables/{id}/approve", "ledger", "ApproveRateTable", "Approve a version", binds=_RATES),
    Route("POST", "/ledgerJobs/what-if", "ledger", "StartWhatIf", "Let a draft judge a period", 202),
    Route("POST", "/ledgerJobs/replay", "ledger", "StartReplay", "Take the recorded intake again and compare", 202),
    Route("GET", "/ledgerJobs/{id}", "ledger", "GetLedgerJob", "A job with what it has found", binds=_JOB),
    Route("POST", "/ledgerJobs/{id}/cancel", "ledger", "CancelLedgerJob", "Ask a job to end", binds=_JOB),
)  # fmt: skip
