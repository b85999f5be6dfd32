"""How changes end: E17, and what of E18 the changes themselves can tell; deployments are none of them."""

from __future__ import annotations

from services.metrics.rules.registry.metric import Band, Metric, Unit

_WILSON = "Wilson (95 %)."

CHANGE: tuple[Metric, ...] = (
    Metric(
        "E17", "change_success", ("Changes that succeeded", "变更成功率"),
        (
            "Implemented, verified, not rolled back, and the cause of no incident.",
            "已实施、验证通过、未回退且未引发事件的变更比例。",
        ),
        Unit.PER_CENT, "verified and blamed by no incident within 7 days / implemented, standard changes apart",
        (
            "Graded by the checks of the change, never by what its author says.",
            "Rejected and withdrawn ones are out; standard ones are E17-standard.",
            "An incident blames a change by its link; one that opens within 7 days of the end takes the success back.",
            "Provisional for 7 days. By service and unit alone: a change has no team, site or channel.",
        ),
        "Spafford, computing the change success rate; ServiceNow change score", Band.BUSINESS, interval=_WILSON,
    ),
    Metric(
        "E17-standard", "change_success_standard", ("Standard changes that succeeded", "标准变更成功率"),
        ("The same of changes that are approved in advance.", "预先批准的标准变更的成功比例。"),
        Unit.PER_CENT, "as E17, standard changes alone", ("As E17.",), "Spafford, computing the change success rate",
        Band.BUSINESS, interval=_WILSON,
    ),
    Metric(
        "E17-issues", "change_with_issues", ("Changes that succeeded with issues", "有后患的成功变更率"),
        ("Verified, and yet the cause of an incident.", "验证通过但引发了事件的变更比例。"),
        Unit.PER_CENT, "verified and blamed by an incident within 7 days / implemented", ("A class of its own.",),
        "Spafford, computing the change success rate", Band.BUSINESS, interval=_WILSON,
    ),
    Metric(
        "E17-failed", "change_failed", ("Changes that failed", "变更失败率"),
        ("A check failed, or it was rolled back.", "检查未通过或被回退的变更比例。"),
        Unit.PER_CENT, "failed or rolled back / implemented", ("The reading of ServiceNow: no warranty window.",),
        "ServiceNow benchmarks", Band.BUSINESS, interval=_WILSON,
    ),
    Metric(
        "E17-unauthorised", "change_unauthorised", ("Changes nobody approved", "未授权变更率"),
        ("Found in service without an approved change.", "在运行环境中发现、但没有获批变更的比例。"),
        Unit.PER_CENT, "unauthorised / all", ("The product itself starts none without approval.",),
        "Micro Focus, change management KPIs", Band.BUSINESS, waits_for="detection of changes outside the process",
    ),
    Metric(
        "E18", "dora", ("Deployment frequency", "部署频率"),
        ("How often a service is deployed.", "服务的部署频率。"),
        Unit.EVENTS, "deployments in the period, by service",
        ("A deployment is no change record: both counts and the link are kept (E18-changes).",),
        "DORA, guides to the metrics", Band.BUSINESS, waits_for="deployments as events",
    ),
    Metric(
        "E18-changes", "changes_implemented", ("Changes implemented", "已实施变更数"),
        ("Changes that ended in service, well or not.", "已实施的变更数，无论成败。"),
        Unit.EVENTS, "count(succeeded, failed or rolled back in the period)", ("No count of deployments.",),
        "DORA, guides to the metrics", Band.BUSINESS,
    ),
    Metric(
        "E18-lead", "change_lead_time", ("Lead time of changes", "变更前置时间"),
        ("From the first draft to the verified end.", "从起草到验证通过的时间。"),
        Unit.SECONDS, "median(succeeded - drafted)", ("Of changes that succeeded. Wall clock.",),
        "DORA, guides to the metrics", Band.BUSINESS,
        interval="Between two order statistics, without an assumption of how the lengths lie (95 %).",
    ),
    Metric(
        "E18-fail", "change_fail_rate", ("Changes that needed intervention", "变更需干预率"),
        ("Failed, rolled back, or blamed by an incident.", "失败、回退或引发事件的变更比例。"),
        Unit.PER_CENT, "failed, rolled back or blamed within 7 days / implemented, all types",
        ("Of changes, as deployments are no events yet.",), "DORA, guides to the metrics", Band.BUSINESS,
        interval=_WILSON,
    ),
    Metric(
        "E18-recovery", "deployment_recovery_time", ("Recovery of failed deployments", "部署失败恢复时间"),
        ("From a failed deployment to a good service.", "从部署失败到服务恢复的时间。"),
        Unit.SECONDS, "median(service good - failed deployment)", (), "DORA, guides to the metrics", Band.BUSINESS,
        waits_for="deployments as events",
    ),
    Metric(
        "E18-rework", "deployment_rework", ("Deployment rework", "部署返工率"),
        ("Deployments that nobody had planned, because of an incident.", "因事件而计划外进行的部署比例。"),
        Unit.PER_CENT, "unplanned deployments / deployments", (), "DORA, guides to the metrics", Band.BUSINESS,
        waits_for="deployments as events",
    ),
)  # fmt: skip
