"""What it meant to the business: E19 to E26 and E29. Money is the ledger's, and stands nowhere else."""

from __future__ import annotations

from services.metrics.rules.registry.metric import Band, Metric, Shown, Unit

BUSINESS: tuple[Metric, ...] = (
    Metric(
        "E19", "availability", ("Availability", "可用率"),
        ("Good requests of valid requests, from traces.", "有效请求中的成功比例，来自链路数据。"),
        Unit.PER_CENT, "good / valid, weighted by what each span stands for",
        (
            "Request based. Health checks are no valid requests.",
            "Fewer than 30 effective requests are too few; no data is never 100 %.",
        ),
        "OpenSLO glossary; Google, SRE workbook", Band.BUSINESS,
        interval="Wilson on the effective count (95 %).",
    ),
    Metric(
        "E19-time", "availability_time", ("Availability by time", "按时间计的可用率"),
        ("Committed time without outage.", "承诺服务时间内无中断的比例。"),
        Unit.PER_CENT, "(committed time - downtime in it) / committed time",
        (
            "Planned windows are out.",
            "Overlaps count once.",
            "The zone of the commitment is named. Not E19.",
            "Of business services: their calendar, around the clock without one; one of an unknown calendar is out.",
            "From the first span on, up to now.",
        ),
        "ServiceNow availability results", Band.BUSINESS,
    ),
    Metric(
        "E20", "time_between_failures", ("Time between failures", "平均无故障时间"),
        ("Committed time without outage, by outage.", "每次中断之间的承诺服务时间。"),
        Unit.SECONDS, "(committed time - downtime in it) / outages in committed time",
        (
            "No outage: not defined, and not 0.",
            "An outage counts once for each business service that it hits; one because of another service does not.",
            "An outage that lies wholly outside committed time does not count.",
        ),
        "ServiceNow availability results", Band.BUSINESS,
        interval="Garwood's bounds of the count, by Wilson and Hilferty (95 %).",
    ),
    Metric(
        "E20-restore", "time_to_restore_service", ("Time to restore service", "平均恢复服务时间"),
        ("Downtime in committed time, by outage.", "承诺服务时间内每次中断的时长。"),
        Unit.SECONDS, "downtime in committed time / outages in it",
        ("No outage: not defined, and not 0.", "As E20."),
        "ServiceNow availability results", Band.BUSINESS, Shown.MEAN, interval="Student's t (95 %).",
    ),
    Metric(
        "E20-down", "downtime", ("Downtime", "停机时间"),
        ("Committed time that business services were away.", "业务服务在承诺时间内不可用的时长。"),
        Unit.SECONDS, "sum of downtime in committed time, by business service",
        (
            "No outage in committed time: 0. No committed time: not defined.",
            "Outages of one business service that overlap count once; two business services count twice.",
            "One because of another service does not count.",
        ),
        "ServiceNow availability results", Band.BUSINESS,
    ),
    Metric(
        "E21", "error_budget", ("Error budget left", "错误预算余量"),
        ("What may still go wrong in the window.", "窗口内还能容忍的错误。"),
        Unit.PER_CENT, "1 - errors / ((1 - objective) x valid)",
        (
            "By occurrences, over the period of the page, from the first span on.",
            "All business services with an objective together: what each may spend is added, and what it spent.",
            "Planned maintenance is out. Overspent: below 0.",
            "Fewer than 30 effective requests are too few; no data is no budget.",
        ),
        "Google, SRE workbook, alerting on SLOs", Band.BUSINESS,
        interval="Wilson on the effective count of errors (95 %).",
    ),
    Metric(
        "E21-burn", "error_budget_burn", ("Burn rate of the error budget", "错误预算消耗速率"),
        ("How fast the budget is spent; 1 spends it evenly.", "预算消耗的快慢；1 表示均匀消耗。"),
        Unit.RATIO, "errors / valid / (1 - objective); time left = window / burn",
        ("As E21.", "Alerts look at two windows of their own; this one is of the period."),
        "Google, SRE workbook, alerting on SLOs", Band.BUSINESS,
        interval="Wilson on the effective count of errors (95 %).",
    ),
    Metric(
        "E22", "incident_loss", ("Loss by incidents", "事件损失"),
        ("What incidents cost, as the ledger has it.", "账本所载的事件损失。"),
        Unit.MONEY, "sum of the ledger's lines of incurred loss",
        (
            "Estimated by an approved cost model; never booked accounting.",
            "Overlapping incidents share an hour once; open ones are provisional.",
            "Half-even rounding once a line. Different currencies are never added.",
        ),
        "FAIR; Caisson, how to calculate your downtime costs", Band.BUSINESS,
        interval="10th to 90th percentile of the estimate.",
    ),
    Metric(
        "E23", "repeat_loss", ("Loss by known problems", "重复损失"),
        ("Loss of incidents whose fault had a known problem.", "已有已知问题的故障再次造成的损失。"),
        Unit.MONEY, "sum of the loss of incidents with a known problem at impact start",
        ("Ends when the problem has passed its proof.",), "own definition", Band.BUSINESS,
        waits_for="fixes that prove themselves",
    ),
    Metric(
        "E24", "risk_exposure", ("Exposure to open risks", "风险敞口"),
        ("What the open risks of the register may cost in a year.", "登记册中未结风险一年内可能造成的损失。"),
        Unit.MONEY, "P50 of the sum of losses over a year, by 10,000 draws that the names of the risks decide (risk/1)",
        (
            "P50 and P90, as the product hides the tail.",
            "A risk happens at most once in the year; its loss lies log-normally between its own P50 and P90.",
            "Accepted risks are shown apart; closed ones are out. Nothing that is booked is in it.",
            "As of now, whatever the period.",
        ),
        "FAIR", Band.BUSINESS, interval="10th to 90th percentile of the sum.",
    ),
    Metric(
        "E25", "value_gained", ("Value gained", "已获价值"),
        ("What automation, self-service and lasting fixes brought.", "自动化、自助与根治带来的价值。"),
        Unit.MONEY, "sum of the ledger's lines of value",
        ("Against a named baseline alone; taken back when the fix fails.",), "ServiceNow success dashboard",
        Band.BUSINESS, waits_for="baselines and proofs",
    ),
    Metric(
        "E26", "cost_per_ticket", ("Cost a ticket", "单均成本"),
        ("Labour and tools by handled ticket.", "每张已处理服务单的人力与工具成本。"),
        Unit.MONEY, "labour and tool cost / handled tickets", ("No incident loss; the names are kept apart.",),
        "MetricNet", Band.BUSINESS, waits_for="labour rates and work logs",
    ),
    Metric(
        "E29", "compliance_value", ("Compliance value", "合规价值"),
        ("Failures of control that did not happen, at their approved cost.", "按核定成本计的控制失效减少额。"),
        Unit.MONEY, "(baseline failures - failures) x unit cost + evidence hours x rate",
        ("A failure counts once, when it is found.",), "own definition", Band.BUSINESS,
        waits_for="control failures as events",
    ),
)  # fmt: skip
