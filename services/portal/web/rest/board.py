"""Numbers: the board, the registry and its values, facts, the value ledger, cost models, availability."""

from __future__ import annotations

from services.portal.web.rest.routes import Route

_MODEL = {"name": "costModels/{id}"}

ROUTES = (
    Route("GET", "/board", "metrics", "GetBoard", "Three bands over one period and filter"),
    Route("GET", "/progress", "metrics", "GetProgress", "How many events are counted, and how many wait"),
    Route("GET", "/metrics", "metrics", "ListMetrics", "The registry: every metric with its definition"),
    Route("GET", "/values", "metrics", "ListValues", "Every metric over one period and filter"),
    Route("GET", "/comparison", "comparisons", "ComparePeriods", "Every metric over two periods, with the difference"),
    Route("GET", "/correlations", "comparisons", "ListCorrelations", "What goes together in the same tickets"),
    Route("GET", "/channels", "comparisons", "CompareChannels", "Response, promises and satisfaction by channel"),
    Route("GET", "/channelRule", "comparisons", "GetChannelRule", "By how much channels may differ"),
    Route("PUT", "/channelRule", "comparisons", "SetChannelRule", "Set by how much channels may differ"),
    Route("GET", "/channelDivergences", "comparisons", "ListChannelDivergences", "Alerts: channels too far apart"),
    Route("GET", "/bottlenecks", "comparisons", "GetBottleneckReport", "What late tickets waited for longest"),
    Route("GET", "/bottlenecks/tickets", "comparisons", "ListBottleneckTickets", "Late tickets, longest wait first"),
    Route("GET", "/friction", "comparisons", "GetFrictionMap", "Chases, questions, phone by service or team"),
    Route("GET", "/friction/tickets", "comparisons", "ListFrictionTickets", "The tickets behind a cell of friction"),
    Route("GET", "/facts", "metrics", "ListFacts", "The tickets behind a number"),
    Route("GET", "/facts/{id}", "metrics", "GetFact", "One ticket as the metrics see it", binds={"name": "facts/{id}"}),
    Route("GET", "/ledgerEntries", "metrics", "ListLedgerEntries", "Rows of the value ledger"),
    Route("GET", "/ledgerEntries/{id}", "metrics", "GetLedgerEntry", "One row with its formula, inputs and evidence",
          binds={"name": "ledgerEntries/{id}"}),
    Route("GET", "/costModels", "metrics", "ListCostModels", "Cost models, each with its latest version"),
    Route("POST", "/costModels", "metrics", "DraftCostModel", "Draft a version", 201),
    Route("GET", "/costModels/{id}", "metrics", "GetCostModel", "One version, the latest by default", binds=_MODEL),
    Route("POST", "/costModels/{id}/approve", "metrics", "ApproveCostModel", "Approve a version", binds=_MODEL),
    Route("GET", "/services/availability", "metrics", "ListServiceAvailability", "Availability by service, from spans"),
    Route("GET", "/services/edges", "metrics", "ListServiceEdges", "Who calls whom, from spans"),
)  # fmt: skip
