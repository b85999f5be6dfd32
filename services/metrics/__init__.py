"""Metrics: what the work was worth, told from events alone.

Owns: one fact per ticket, the metric registry, cells rolled up from facts, cost models, the value ledger, span slices.
Answers: throughline.metrics.v1.MetricsService, the OTLP TraceService, and JournalService for its own journal.
Publishes: ledger entries and cost models, on stream `metrics`. A changed fact is journalled and not told.
Hears: every event of a ticket, and of its clocks, each folded one by one.
Never: asks another service for a number, counts by the clock of the wall, or prints money that is no ledger line.
"""
