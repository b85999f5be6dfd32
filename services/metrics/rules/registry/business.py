"""What it meant to the business: E19 to E26 and E29. Money is the ledger's, and stands nowhere else."""

from __future__ import annotations

from services.metrics.rules.registry.metric import Band, Metric, Unit

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
        ("Planned windows are out.", "Overlaps count once.", "The zone of the commitment is named. Not E19."),
        "ServiceNow availability results", Band.BUSINESS, waits_for="outages from traces",
    ),
    Metric(
        "E20", "time_between_failures", ("Time between failures", "平均无故障时间"),
        ("Committed time without outage, by outage.", "每次中断之间的承诺服务时间。"),
        Unit.SECONDS, "uptime / outages", ("No outage: not defined, and not 0.",),
        "ServiceNow availability results", Band.BUSINESS, waits_for="outages from traces",
    ),
    Metric(
        "E20-restore", "time_to_restore_service", ("Time to restore service", "平均恢复服务时间"),
        ("Downtime in committed time, by outage.", "承诺服务时间内每次中断的时长。"),
        Unit.SECONDS, "downtime / outages", ("No outage: not defined, and not 0.",),
        "ServiceNow availability results", Band.BUSINESS, waits_for="outages from traces",
    ),
    Metric(
        "E21", "error_budget", ("Error budget left", "错误预算余量"),
        ("What may still go wrong in the window.", "窗口内还能容忍的错误。"),
        Unit.PER_CENT, "1 - errors / ((1 - objective) x valid)", ("The method and the window are named.",),
        "Google, SRE workbook, alerting on SLOs", Band.BUSINESS, waits_for="objectives by service",
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
        waits_for="known problems",
    ),
    Metric(
        "E24", "risk_exposure", ("Exposure to open risks", "风险敞口"),
        ("What open problems and planned changes may cost in a year.", "未结问题与计划变更一年内可能造成的损失。"),
        Unit.MONEY, "frequency x magnitude, by simulation", ("P50 and P90, as the product hides the tail.",),
        "FAIR", Band.BUSINESS, waits_for="problems and their estimates",
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
        ("Labour and tools by handled ticket.", "每张已处理工单的人力与工具成本。"),
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
