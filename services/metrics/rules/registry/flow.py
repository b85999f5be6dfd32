"""How work flows: hands, reopenings, repeats, backlog, and the plain counts beside them."""

from __future__ import annotations

from services.metrics.rules.registry.metric import Band, Metric, Shown, Unit

_WILSON = "Wilson (95 %)."
_T = "Student's t (95 %)."
_MANAGER = "ServiceNow manager dashboard and benchmarks"

FLOW: tuple[Metric, ...] = (
    Metric(
        "E06", "reassignments", ("Reassignments", "转派次数"),
        ("Changes between teams after the first assignment.", "首次分派之后在团队间转手的次数。"),
        Unit.PER_TICKET, "sum(reassignments) / tickets that ended in the period",
        (
            "The first team is none; no team between two does not hide that they differ.",
            "There and back again is 2, and marked as ping-pong (E06-pingpong).",
            "A change of person inside one team is none.",
            "A hand-over of the rota is to be left out by its reason; no event gives one yet.",
        ),
        _MANAGER, Band.EFFICIENCY, Shown.MEAN, _T,
    ),
    Metric(
        "E06-changes", "assignment_changes", ("Changes of the team field", "分派组变更次数"),
        ("Every change of the team field, no team being a value of it.", "团队字段的每一次变更，“无团队”也算一个值。"),
        Unit.PER_TICKET, "sum(changes of the field after the opening) / tickets that ended in the period",
        ("The reading of many reports from the field; larger than E06 by changes to and from no team.",),
        "ServiceNow reassignment_count, as observed in a log of 24,918 incidents", Band.EFFICIENCY, Shown.MEAN, _T,
    ),
    Metric(
        "E06-pingpong", "ping_pong", ("Ping-pong", "来回转派率"),
        ("Tickets that came back to a team that had already had it.", "转回先前团队的服务单所占比例。"),
        Unit.PER_CENT, "tickets with a return / tickets that ended in the period", (), _MANAGER, Band.EFFICIENCY,
        interval=_WILSON,
    ),
    Metric(
        "E06-person", "person_changes", ("Hand-overs inside a team", "团队内换人次数"),
        ("Changes of the person while the team stayed.", "团队不变而处理人变更的次数。"),
        Unit.PER_TICKET, "sum(changes from one person to another in one team) / tickets that ended in the period",
        ("The first person is none. Apart from E06, which counts teams.",), _MANAGER, Band.EFFICIENCY, Shown.MEAN, _T,
    ),
    Metric(
        "E07", "first_assignment_resolution", ("Resolved by the first team", "首派解决率"),
        ("Resolved without a reassignment.", "未经转派即解决的比例。"),
        Unit.PER_CENT, "resolved with reassignments = 0 / resolved",
        ("Not first-contact resolution (E09), and shown under its own name.",),
        "ServiceNow benchmarks, service quality", Band.EFFICIENCY, interval=_WILSON,
    ),
    Metric(
        "E07-clean", "no_reassignment_no_reopen", ("Neither reassigned nor reopened", "未转派且未重开"),
        ("Ended in the first team's hands, once.", "由首派团队一次了结的比例。"),
        Unit.PER_CENT, "ended with reassignments = 0 and reopenings = 0 / ended", ("By E06.",), "own definition",
        Band.EFFICIENCY, interval=_WILSON,
    ),
    Metric(
        "E07-clean-changes", "no_assignment_change_no_reopen",
        ("Team field unchanged and not reopened", "分派组未变更且未重开"),
        ("As before, by the other reading of a change.", "同上，按分派组变更的口径。"),
        Unit.PER_CENT, "ended with changes of the field = 0 and reopenings = 0 / ended", ("By E06-changes.",),
        "own definition", Band.EFFICIENCY, interval=_WILSON,
    ),
    Metric(
        "E08", "first_level_resolution", ("Resolved at the first level", "一线解决率"),
        ("Solved at level 1.", "由一线解决的比例。"),
        Unit.PER_CENT, "solved at level 1 / all", ("A metric of cost, not of quality.",), "MetricNet", Band.EFFICIENCY,
        waits_for="levels of teams",
    ),
    Metric(
        "E09", "first_contact_resolution", ("Resolved at first contact", "首次联系解决率"),
        ("Solved in the first contact with a person.", "在首次人工联系中解决的比例。"),
        Unit.PER_CENT, "solved in the first human contact / first resolved by a person",
        (
            "A contact begins with our first public reply, by phone or in person with the opening, and lasts an hour.",
            "Not when reopened, ever asked for information, or the requester wrote again before the solution.",
            "A warm transfer within the contact still counts; no event tells of a visit on site.",
            "Resolved by a bot or by itself: out. Imported histories tell of no conversation: out. Duplicates are out.",
            "Provisional while a requester can still reopen (14 days).",
        ),
        "HDI; ServiceNow customer service", Band.EFFICIENCY, interval=_WILSON,
    ),
    Metric(
        "E10", "reopened", ("Reopened", "重开率"),
        ("Resolved tickets that had been reopened.", "已解决服务单中曾重开的比例。"),
        Unit.PER_CENT, "resolved in period with reopenings > 0 / resolved in period",
        (
            "Provisional while a requester can still reopen (14 days); a later reopening changes the past visibly.",
            "A thank-you is no reopening: only the verb is.",
        ),
        "ServiceNow benchmarks", Band.EFFICIENCY, interval=_WILSON,
    ),
    Metric(
        "E11", "duplicates", ("Duplicates", "重复报障率"),
        ("Tickets that report what was already open.", "报告已有未结事件的服务单比例。"),
        Unit.PER_CENT, "tickets that duplicate another / opened in period",
        ("By link or resolution code; kept apart from recurrences.",), "Opsera, repeat incident rate",
        Band.EFFICIENCY, interval=_WILSON,
    ),
    Metric(
        "E11-recurrence", "recurrence", ("Recurrences", "故障复发率"),
        ("New occurrences of a fault that had been resolved.", "已解决故障再次发生的比例。"),
        Unit.PER_CENT, "incidents whose signature was resolved within 90 days before / incidents with a signature",
        (
            "Signature version 2: service, category, site and the title without its numbers.",
            "Incidents without service or category are no part of it; other words for one fault are not found.",
            "Duplicates are out, on both sides.",
        ),
        "KPI library, IT incident and problem; Numerify, recurring incidents", Band.EFFICIENCY, interval=_WILSON,
        version=2,
    ),
    Metric(
        "E28", "backlog_growth", ("Backlog growth", "积压增长"),
        ("Tickets opened less tickets ended; n is what is open at the end.", "新增减去了结；n 为期末未结数。"),
        Unit.TICKETS, "opened - ended, in the period",
        (
            "Ended: resolved, or closed without it; a reopened ticket has not ended.",
            "Numerator and denominator hold opened and ended.",
        ),
        "ServiceNow manager dashboard", Band.EFFICIENCY,
    ),
    Metric(
        "E28-age", "backlog_age", ("Age of the backlog", "积压时长"),
        ("How old the tickets are that are open at the end.", "期末未结服务单的已存时长。"),
        Unit.SECONDS, "median(end of period, or now when that is earlier - opened), of open tickets",
        ("Wall clock.",), "ServiceNow manager dashboard", Band.EFFICIENCY,
        interval="Between two order statistics (95 %).",
    ),
    Metric(
        "T01", "tickets_opened", ("Tickets opened", "新增服务单"), ("All tickets opened.", "新增服务单数。"),
        Unit.TICKETS, "count(opened in period)", (), "own definition", Band.EFFICIENCY,
    ),
    Metric(
        "T02", "tickets_resolved", ("Tickets resolved", "解决服务单"),
        ("Tickets by their last resolution.", "按最后一次解决计的服务单数。"),
        Unit.TICKETS, "count(last resolved in period, not open again)", (), "own definition", Band.EFFICIENCY,
    ),
    Metric(
        "T03", "incidents", ("Incidents", "事件单"), ("Incidents opened.", "新增事件单数。"),
        Unit.TICKETS, "count(opened in period, incident)", (), "own definition", Band.EFFICIENCY,
    ),
    Metric(
        "T04", "tickets_ended", ("Tickets ended", "了结服务单"),
        ("Resolved, or closed without a resolution.", "已解决或未解决即关闭的服务单数。"),
        Unit.TICKETS, "count(left the open states for good in period)", (), "own definition", Band.EFFICIENCY,
    ),
    Metric(
        "T05", "tickets_reopened", ("Tickets reopened", "曾重开服务单"),
        ("Ended tickets that had been reopened.", "已了结服务单中曾重开的数量。"),
        Unit.TICKETS, "count(ended in period, reopenings > 0)", (), "own definition", Band.EFFICIENCY,
    ),
    Metric(
        "T06", "reopenings", ("Reopenings", "重开次数"), ("How often a ticket was reopened.", "服务单被重开的次数。"),
        Unit.EVENTS, "count(reopenings in period)", (), "own definition", Band.EFFICIENCY,
    ),
    Metric(
        "T07", "tickets_open", ("Still open", "未结服务单"),
        ("Tickets opened in the period that are open.", "期内新增且仍未结的服务单数。"),
        Unit.TICKETS, "count(opened in period, open now)", (), "own definition", Band.EFFICIENCY,
    ),
    Metric(
        "T08", "knowledge_used", ("Resolved with knowledge", "使用知识解决率"),
        ("Resolved tickets in which an article was used.", "使用了知识文章的解决比例。"),
        Unit.PER_CENT, "resolved with an article / resolved",
        ("Never to be read as a cause: articles are used where the work is hard.",), "own definition",
        Band.EFFICIENCY, interval=_WILSON,
    ),
)  # fmt: skip
