"""Changes at Qihe Retail, one or two in every state, and one in its window on the day of the load."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from throughline.changes.v1 import change_pb2
from throughline.changes.v1 import changes_service_pb2 as pb

from deploy.local.demo.loader import Loader
from services.runtime.refusal import Refusal

_STANDARD, _NORMAL = change_pb2.CHANGE_TYPE_STANDARD, change_pb2.CHANGE_TYPE_NORMAL
_EMERGENCY = change_pb2.CHANGE_TYPE_EMERGENCY
_LOW, _MEDIUM, _HIGH = change_pb2.RISK_LOW, change_pb2.RISK_MEDIUM, change_pb2.RISK_HIGH
_PASSED, _FAILED = change_pb2.STEP_RESULT_PASSED, change_pb2.STEP_RESULT_FAILED

_TOO_LATE = ("WINDOW_PAST", "OUTSIDE_WINDOW")


@dataclass(frozen=True, slots=True)
class Story:
    """One change. opens, lasts: its window, hours after the midnight of the load. verbs: what happened to it, in order.

    checks: (what is checked, pass mark).
    """

    key: str
    title: str
    reason: str
    plan: str
    rollback: str
    checks: tuple[tuple[str, str], ...]
    services: tuple[str, ...]
    verbs: tuple[str, ...]
    opens: int
    lasts: int
    type: change_pb2.ChangeType.ValueType = _NORMAL
    risk: change_pb2.Risk.ValueType = _MEDIUM
    author: str = "lin-yuan"
    implementer: str = "gao-xing"
    # The ticket of the day that it is to cure, by its story's key.
    ticket: str = ""


STORIES = (
    Story(
        "receipt-driver",
        "全部门店收银机打印驱动改回 4.1",
        "驱动 4.2 缓存满后停打，三个月里同类故障最多。",
        "1. 每晚闭店后推送一个区域\n2. 推送后自动打测试小票\n3. 次日 10:00 前看打印失败数",
        "在收银机管理台选“恢复 4.2”，5 分钟内生效。",
        (("抽查 6 家店各打 20 张小票", "全部完整"), ("24 小时打印失败数", "少于 5 次")),
        ("services/pos",),
        (
            "submit",
            "approve",
            "start",
            "pass:1",
        ),
        opens=0,
        lasts=7 * 24,
        ticket="receipt-printing",
    ),
    Story(
        "payment-pool",
        "支付网关连接池从 50 调到 120",
        "促销日连接耗尽，扫码反复超时。",
        "改配置，逐个实例重启，每个间隔 3 分钟。",
        "恢复原配置并重启，约 10 分钟。",
        (("压测每秒 300 笔", "P99 低于 800 ms"), ("错误率", "低于 0.1%")),
        ("services/payment",),
        (
            "submit",
            "approve",
            "start",
            "pass:1",
            "pass:2",
            "finish",
        ),
        opens=-1,
        lasts=48,
        risk=_HIGH,
        ticket="payment-outage",
    ),
    Story(
        "vpn-443",
        "VPN 默认改走 443 端口",
        "酒店与商场网络拦截默认端口，掉线多。",
        "推送客户端配置，先 20 人，再全员。",
        "推回旧配置，客户端下次连接时生效。",
        (("20 人试用三天", "掉线少于 1 次"),),
        ("services/vpn",),
        (
            "submit",
            "approve",
        ),
        opens=26,
        lasts=4,
        author="qin-mo",
        implementer="qin-mo",
        risk=_LOW,
    ),
    Story(
        "erp-quarter",
        "ERP 季度补丁",
        "包含对账导出的修复。",
        "1. 周六 22:00 停服\n2. 打补丁\n3. 跑对账样本",
        "从停服前的快照恢复，约 70 分钟。",
        (("对账样本 12 份", "逐行一致"), ("登录与审批", "正常")),
        ("services/erp",),
        ("submit",),
        opens=5 * 24 + 22,
        lasts=6,
        author="shen-zhao",
        implementer="liang-bo",
        risk=_HIGH,
    ),
    Story(
        "wifi-jingan",
        "静安店更换三台无线基站",
        "二层覆盖差，盘点枪掉线。",
        "闭店后更换，原位保留网线。",
        "装回旧基站。",
        (("二层逐点测速", "不低于 20 Mbps"),),
        ("services/store-network",),
        (
            "submit",
            "reject:窗口压在周年庆前夜，请改到下周。",
        ),
        opens=2 * 24 + 22,
        lasts=5,
        author="qin-mo",
        implementer="qin-mo",
    ),
    Story(
        "member-rebuild",
        "会员库重建索引",
        "查询新会员要 6 秒。",
        "在备库重建后切换。",
        "切回原主库。",
        (("查询新会员", "低于 300 ms"), ("积分对账", "差额为零")),
        ("services/membership",),
        (
            "submit",
            "approve",
            "start",
            "fail:1",
            "pass:2",
            "finish",
            "roll_back:查询仍要 4 秒，已切回原主库。",
        ),
        opens=-1,
        lasts=48,
        author="shen-zhao",
        implementer="liang-bo",
    ),
    Story(
        "price-tag-gateway",
        "价签基站固件 2.8",
        "修复夜间批量推送丢包。",
        "先一家店，再全部。",
        "刷回 2.7，每店 8 分钟。",
        (("夜间推送成功率", "高于 99.5%"),),
        ("services/price-tags",),
        (
            "submit",
            "approve",
            "start",
            "fail:1",
            "finish",
        ),
        opens=-1,
        lasts=48,
        type=_STANDARD,
        risk=_LOW,
    ),
    Story(
        "scanner-profile",
        "华东仓盘点枪换省电配置",
        "电池撑不到下班。",
        "充电柜夜间统一下发。",
        "下发旧配置。",
        (("连续使用 9 小时", "电量高于 15%"),),
        ("services/warehouse",),
        (),
        opens=3 * 24,
        lasts=10,
        type=_STANDARD,
        risk=_LOW,
        author="wei-ran",
        implementer="wei-ran",
    ),
    Story(
        "mail-gateway",
        "邮件网关证书提前更换",
        "供应商改了计划，证书下月才到期。",
        "导入新证书，重载。",
        "换回旧证书。",
        (("收发外部邮件", "各 5 封成功"),),
        ("services/mail",),
        (
            "submit",
            "approve",
            "cancel:供应商推迟，下月再做。",
        ),
        opens=30,
        lasts=2,
        author="tang-ke",
        implementer="zhou-yan",
        risk=_LOW,
    ),
    Story(
        "payment-certificate",
        "Renew the payment gateway certificate today",
        "It expires tonight; without it no shop can take a card.",
        "Import the new certificate, reload both gateways one after the other.",
        "Reload with the old certificate; it is good until 23:59.",
        (("Card payment in two shops", "both succeed"), ("Certificate chain", "valid for a year")),
        ("services/payment",),
        (
            "submit",
            "approve",
            "start",
            "pass:1",
            "pass:2",
            "finish",
        ),
        opens=-1,
        lasts=48,
        type=_EMERGENCY,
        risk=_HIGH,
        author="xu-heng",
        implementer="lin-yuan",
    ),
)


def load(loader: Loader, tickets: dict[str, str]) -> dict[str, str]:
    """Plans them and lets each come as far as it did; those that cure a ticket of the day, by that ticket's key.

    tickets: names by the key of their story.
    """
    cures: dict[str, str] = {}
    for story in STORIES:
        plan = pb.ChangePlan(
            type=story.type,
            risk=story.risk,
            title=story.title,
            reason=story.reason,
            plan=story.plan,
            rollback_plan=story.rollback,
            services=story.services,
            implementer=f"people/{story.implementer}",
            tickets=[tickets[story.ticket]] if story.ticket else [],
        )
        for check, mark in story.checks:
            plan.steps.add(check=check, pass_mark=mark)
        opens = loader.anchor + timedelta(hours=story.opens)
        plan.window.start_time.FromDatetime(opens)
        plan.window.end_time.FromDatetime(opens + timedelta(hours=story.lasts))
        item = f"changes/{story.key}"
        change = loader.act(story.author, loader.changes.CreateChange, pb.CreateChangeRequest(plan=plan), item)
        if story.ticket:
            cures[story.ticket] = change.name
        try:
            for verb in story.verbs:
                _act(loader, story, change.name, *verb.partition(":")[::2])
        except Refusal as refusal:
            # A load that was broken off and is taken up again days later comes too late for some windows.
            if refusal.reason not in _TOO_LATE:
                raise
    return cures


def _act(loader: Loader, story: Story, name: str, verb: str, said: str) -> None:
    service, voter = loader.changes, "chen-yu"
    steps = {"pass": _PASSED, "fail": _FAILED}
    calls: dict[str, tuple[str, Any, Any]] = {
        "submit": (story.author, service.SubmitChange, pb.SubmitChangeRequest(name=name)),
        "approve": (voter, service.ApproveChange, pb.ApproveChangeRequest(name=name, note="门店运营同意。")),
        "reject": (voter, service.RejectChange, pb.RejectChangeRequest(name=name, note=said or "-")),
        "start": (story.implementer, service.StartChange, pb.StartChangeRequest(name=name)),
        "finish": (
            story.implementer,
            service.FinishChange,
            pb.FinishChangeRequest(name=name, outcome_note="按计划完成。"),
        ),
        "roll_back": (
            story.implementer,
            service.RollBackChange,
            pb.RollBackChangeRequest(name=name, outcome_note=said or "-"),
        ),
        "cancel": (story.author, service.CancelChange, pb.CancelChangeRequest(name=name, reason=said or "-")),
    }
    if verb in steps:
        request = pb.VerifyChangeRequest(name=name, step_id=said, result=steps[verb], note="按通过标准核对。")
        calls[verb] = (story.implementer, service.VerifyChange, request)
    who, method, asked = calls[verb]
    loader.act(who, method, asked, f"changes/{story.key}/{verb}/{said}")
