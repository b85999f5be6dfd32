"""What it was like for those who asked: E12 to E16 and E27."""

from __future__ import annotations

from services.metrics.rules.registry.metric import Band, Metric, Shown, Unit

_T = "Student's t (95 %)."

EXPERIENCE: tuple[Metric, ...] = (
    Metric(
        "E12", "chases", ("Chases", "催单次数"),
        ("Requests for progress that bring no new fact.", "只问进度、无新信息的联系次数。"),
        Unit.PER_HUNDRED, "100 x inbound contacts that ask for progress / tickets",
        ("Several within an hour are one.", "A reply to our question is none.", "The channel is recorded."),
        "HDI; Axelos", Band.EXPERIENCE, waits_for="chase detection",
    ),
    Metric(
        "E12-waiting", "chases_while_waiting", ("Chases while it waits or is late", "等待或超期时的催单次数"),
        (
            "How often the requester spoke up, unasked, while the ticket stood still or was late.",
            "服务单停滞或已超期时，提交人未被询问而主动联系的次数。",
        ),
        Unit.PER_TICKET, "sum(unasked words of the requester while it waits or is late) / tickets that ended in period",
        (
            "Still: in a queue or on hold. Late: a promise was broken before, whenever that became known.",
            "None while we wait for their answer or for evidence, or after the end.",
            "Within an hour of the filing or of another chase it belongs to that.",
            "What is said is not judged; E12 waits for that.", "Opened anew, it goes on counting.",
        ),
        "own reading of HDI and Axelos", Band.EXPERIENCE, Shown.MEAN, _T,
    ),
    Metric(
        "E13-again", "asked_again", ("Asked once more", "重复询问次数"),
        ("Questions after the first one of a ticket.", "同一服务单首次询问之后的追加询问次数。"),
        Unit.PER_TICKET, "sum(max(0, questions - 1)) / tickets that ended in the period",
        ("Whatever the earlier answer was.",), "own definition", Band.EXPERIENCE, Shown.MEAN, _T,
    ),
    Metric(
        "E14-first", "filed_by_phone", ("Filed by phone", "电话提单率"),
        ("Tickets that somebody called to file.", "以电话提交的服务单比例。"),
        Unit.PER_CENT, "tickets whose channel is the phone / tickets that ended in the period",
        ("First calls; calls about a ticket that exists are E14.", "Walk-ups are none."), "own definition",
        Band.EXPERIENCE, interval="Wilson (95 %).",
    ),
    Metric(
        "E13", "re_asks", ("Questions after submitting", "补充提问次数"),
        ("How often something had to be asked for after submitting.", "提单后再次索取信息的次数。"),
        Unit.PER_TICKET, "sum(requests for information after submitting) / tickets that ended in the period",
        ("Questions of an approval are none.", "By field of the form once questions name one."), "own definition",
        Band.EXPERIENCE, Shown.MEAN, "Student's t (95 %).",
    ),
    Metric(
        "E13-complete", "first_time_complete", ("Complete when submitted", "一次填全率"),
        ("Tickets about which nothing had to be asked.", "无需补充提问的服务单比例。"),
        Unit.PER_CENT, "ended without a request for information / ended", ("By E13.",), "own definition",
        Band.EXPERIENCE, interval="Wilson (95 %).",
    ),
    Metric(
        "E14", "phone_follow_ups", ("Phone follow-ups", "电话追问"),
        ("Calls about a ticket that exists.", "就已有服务单打来的电话。"),
        Unit.PER_HUNDRED, "100 x calls about an existing ticket / tickets",
        ("First calls are out; calls that match no ticket are reported.",), "own definition",
        Band.EXPERIENCE, waits_for="calls as events",
    ),
    Metric(
        "E15", "csat", ("Satisfaction", "满意度"),
        ("Answers of 4 or 5, beside the response rate.", "4 分或 5 分的答卷比例，与回收率并列。"),
        Unit.PER_CENT, "answers of 4 to 5 / answers",
        (
            "The last answer of a ticket.", "Under the minimum nothing is shown.", "A reopening voids it.",
            "A share; the mean of answers is E15-score.",
        ),
        "Delighted, how CSAT is calculated", Band.EXPERIENCE, interval="Wilson (95 %).",
        waits_for="survey answers",
    ),
    Metric(
        "E15-score", "csat_score", ("Satisfaction score", "满意度得分"),
        ("The mean of answers on one scale.", "统一量表后答卷得分的均值。"),
        Unit.PER_CENT, "mean(100 x (answer - lowest) / (highest - lowest))",
        ("The other reading of satisfaction; the share of 4 and 5 is E15.",), "ServiceNow manager dashboard",
        Band.EXPERIENCE, interval=_T, waits_for="survey answers",
    ),
    Metric(
        "E16", "self_solved", ("Self-solved", "自助解决率"),
        ("Solved by reading or by a bot, with no ticket within 24 hours.", "自助解决且 24 小时内无服务单的比例。"),
        Unit.PER_CENT, "self-solved and automated / (resolutions + those)",
        ("One issue of one person once.", "Bots and staff are out."), "KCS v6; ServiceNow performance overview",
        Band.EXPERIENCE, waits_for="sessions of reading",
    ),
    Metric(
        "E16-deflection", "deflection", ("Deflection", "分流率"),
        ("Demand that needed no agent to be written down.", "无需坐席录入的需求比例。"),
        Unit.PER_CENT, "(catalogue and bot tickets + self-solved) / (tickets + self-solved)",
        ("Counts tickets filed by catalogue: never to be called resolution.",),
        "ServiceNow performance overview; KCS, measuring the shift left", Band.EXPERIENCE,
        waits_for="sessions of reading",
    ),
    Metric(
        "E27", "user_hours_returned", ("User hours returned", "归还用户工时"),
        ("Waiting that people were spared.", "为用户省下的等待时间。"),
        Unit.SECONDS, "sum(baseline wait - actual wait), by deliverable",
        ("Business time alone; below 0 is allowed.",), "own definition", Band.EXPERIENCE,
        waits_for="deliverables of the catalogue",
    ),
)  # fmt: skip
