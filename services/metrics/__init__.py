"""Metrics: what the work was worth, told from events alone.

Owns: one fact per ticket, the metric registry, cells of facts, cost models, rates, the value ledger, span slices,
  improvements, risks, the roadmap.
Answers: MetricsService, LedgerService, GovernanceService and more of throughline.metrics.v1, the OTLP TraceService,
  JournalService for its own.
Publishes: ledger entries, gains, cost models and rates, outages, business services and alerts on their budgets, on
  stream `metrics`. A changed fact is journalled and not told.
Hears: every event of a ticket, and of its clocks, each folded one by one; calendars; its own outages and entries.
Never: asks another service for a number, counts by the clock of the wall, or prints money that is no ledger line.
"""
