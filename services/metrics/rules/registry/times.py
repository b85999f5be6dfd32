"""How long things take: E01 to E05. Wall clock and business time are two metrics each, never mixed."""

from __future__ import annotations

from services.metrics.rules.registry.metric import Band, Metric, Shown, Unit

_MEDIAN = "Between two order statistics, without an assumption of how the lengths lie (95 %)."
_MEAN = "Student's t (95 %)."
_WILSON = "Wilson (95 %)."
_ATLASSIAN = "Atlassian, common incident management metrics"

TIMES: tuple[Metric, ...] = (
    Metric(
        "E01", "mtta", ("Time to acknowledge (mean)", "平均响应确认时间"),
        ("From opening to the first act of a person on our side.", "从提单到我方人员第一次动作的时间。"),
        Unit.SECONDS, "mean(first human acknowledgement - opened)",
        (
            "The first of: given to a person, started, answered in public.",
            "What a bot does acknowledges nothing.",
            "Resolved without an acknowledgement: the first resolution counts, and is counted apart (E01-never).",
            "An imported history names an assignee when it opens; that is no act, as nobody knows when it was.",
            "Wall clock. Duplicates are out.",
        ),
        f"{_ATLASSIAN}; Grafana OnCall: start to first action", Band.EXPERIENCE, Shown.MEAN, _MEAN,
    ),
    Metric(
        "E01-never", "resolved_unacknowledged", ("Resolved without acknowledgement", "未经确认即解决"),
        ("Tickets resolved before anybody acknowledged them.", "无人确认就已解决的服务单数。"),
        Unit.TICKETS, "count(first resolved in period, no acknowledgement)", (), "own definition", Band.EXPERIENCE,
    ),
    Metric(
        "E02", "first_response_time", ("First response, business time", "首次响应时间（工作时间）"),
        ("Business time until a person answered in public.", "按工作日历计算，到人员首次公开答复为止的时间。"),
        Unit.SECONDS, "median(business time used by the response clock when it stopped)",
        (
            "The calendar is that of the promise; tickets without a response clock have no value here.",
            "Automatic replies and internal notes do not count; moving between teams does not start it anew.",
            "Resolved without a reply: the resolution is the response.",
            "By phone and in person the answer is immediate: out, and counted apart (E02-person).",
        ),
        "Zammad, service level agreements", Band.EXPERIENCE, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E02-wall", "first_response_time_wall", ("First response, wall clock", "首次响应时间（自然时间）"),
        ("Time until a person answered in public, nights included.", "到人员首次公开答复为止的自然时间。"),
        Unit.SECONDS, "median(first public reply of a person - opened)",
        ("As E02, by the wall clock, and so for tickets without a promise too.",),
        "Zammad, service level agreements", Band.EXPERIENCE, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E02-person", "answered_in_person", ("Answered by phone or in person", "电话或当面受理"),
        ("Tickets whose first response was immediate.", "提单时即得到答复的服务单数。"),
        Unit.TICKETS, "count(opened in period by phone or walk-up)", (), "Zammad, service level agreements",
        Band.EXPERIENCE,
    ),
    Metric(
        "E03", "time_to_resolve", ("Time to resolve", "解决时间"),
        ("From opening to the last resolution, waiting included.", "从提单到最后一次解决的时间，含等待。"),
        Unit.SECONDS, "median(last transition into RESOLVED - opened)",
        (
            "Reopened: the last resolution counts; the first is kept as E03-first.",
            "A ticket that is open again has no value until it is resolved again.",
            "Closed without a resolution: no value.",
            "Parent and child count once (duplicates are out); what was no fault of ours is out.",
            "Wall clock. Never shown as a bare MTTR: the mean stands beside median and P90.",
        ),
        f"{_ATLASSIAN}; ServiceNow benchmarks", Band.EFFICIENCY, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E03-first", "time_to_resolve_first", ("Time to first resolution", "首次解决时间"),
        ("From opening to the first resolution, whatever came after.", "从提单到首次解决的时间。"),
        Unit.SECONDS, "median(first transition into RESOLVED - opened)", ("As E03.",),
        _ATLASSIAN, Band.EFFICIENCY, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E03-active", "time_to_resolve_without_waiting", ("Time to resolve, waiting out", "解决时间（不含等待）"),
        ("Time to resolve less the time on hold or waiting for the requester.", "解决时间减去挂起与等待提单人的时间。"),
        Unit.SECONDS, "median(E03 - time in AWAITING_REQUESTER and ON_HOLD)", ("As E03.", "Never below 0."),
        "ServiceNow benchmarks", Band.EFFICIENCY, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E03-business", "time_to_resolve_business", ("Time to resolve, business time", "解决时间（工作时间）"),
        ("Business time used by the resolution clock.", "解决时钟所用的工作时间。"),
        Unit.SECONDS, "median(business time used by the resolution clock when the resolution stopped it)",
        ("Only of promises whose clock the resolution stops.", "Pauses as the promise has them."),
        "Zammad, service level agreements", Band.EFFICIENCY, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E03-close", "time_to_close", ("Time to close", "关闭时间"),
        ("From opening to the last closing.", "从提单到最后一次关闭的时间。"),
        Unit.SECONDS, "median(last closing - opened)", ("Says more of housekeeping than of service.",),
        "ServiceNow service quality", Band.EFFICIENCY, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E03-restore", "time_to_restore", ("Time to restore", "恢复时间"),
        ("From the start of the impact to a good service.", "从影响开始到服务恢复的时间。"),
        Unit.SECONDS, "median(service good - impact start)", ("Of outages, not of tickets.",),
        _ATLASSIAN, Band.EFFICIENCY, waits_for="outages from traces",
    ),
    Metric(
        "E03-respond", "time_to_respond", ("Time to respond", "处置时间"),
        ("From the first alert to the resolution.", "从首次告警到解决的时间。"),
        Unit.SECONDS, "median(last transition into RESOLVED - opened, tickets that monitoring opened)",
        ("Monitoring opens a ticket when it raises the alarm; tickets of people tell of no alert.", "Else as E03."),
        _ATLASSIAN, Band.EFFICIENCY, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E03-repair", "time_to_repair", ("Time to repair", "修复时间"),
        ("Active work alone: the time in progress.", "仅计处理中的时间。"),
        Unit.SECONDS, "median(time in IN_PROGRESS until the last resolution)",
        ("By the wall clock: nights in progress count.", "Never in progress: no value.", "Else as E03."),
        _ATLASSIAN, Band.EFFICIENCY, Shown.MEDIAN, _MEDIAN,
    ),
    Metric(
        "E04", "time_to_resolve_change", ("Is the change real?", "变化是否真实"),
        ("How a time differs from its baseline, or that nobody can tell.", "与基线的差异，或说明变化不明确。"),
        Unit.PER_CENT, "100 x (ratio of the geometric means - 1), by Welch's t on the logarithms",
        (
            "Lengths lie about log-normally: a change of means is noise with tens of tickets.",
            "An interval that holds 0 is not shown as a change; under 30 on either side there are too few.",
            "Shares are compared by Newcombe's interval, counts a ticket by Welch's t.",
        ),
        "Davidovic, Incident Metrics in SRE (2021); Nighbor and Benninghoff, re-analysis", Band.EFFICIENCY,
        Shown.MEDIAN, "Welch on logarithms (95 %).",
    ),
    Metric(
        "E05", "sla_met_resolution", ("Resolution promises kept", "解决承诺达成率"),
        ("Resolution clocks that stopped in time.", "按时停止的解决时钟所占比例。"),
        Unit.PER_CENT, "met / (met + missed), resolution clocks that stopped in the period",
        (
            "Judged by the version of the promise that was in force; cancelled clocks are out.",
            "Tickets without a promise are no part of it. What was no fault of ours is out, duplicates too.",
        ),
        "ServiceNow benchmarks", Band.EFFICIENCY, interval=_WILSON,
    ),
    Metric(
        "E05-response", "sla_met_response", ("Response promises kept", "响应承诺达成率"),
        ("Response clocks that stopped in time.", "按时停止的响应时钟所占比例。"),
        Unit.PER_CENT, "met / (met + missed), response clocks that stopped in the period", ("As E05.",),
        "ServiceNow benchmarks", Band.EXPERIENCE, interval=_WILSON,
    ),
    Metric(
        "E05-breaches", "breaches", ("Promises broken", "承诺超时次数"),
        ("How often a clock ran out, whether it has stopped or not.", "时钟到点的次数，无论是否已停止。"),
        Unit.EVENTS, "count(clocks whose target was used up in the period)", (), "own definition", Band.EFFICIENCY,
    ),
)  # fmt: skip
