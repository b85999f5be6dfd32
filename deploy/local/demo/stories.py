"""The work of the day: a ticket in every state that a visitor should see, filed and moved by the people themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from throughline.tickets.v1 import ticket_pb2

from deploy.local.demo.company import ACCESS, APPLICATIONS, DEVICES, NETWORK, SERVICE_DESK, STORE_SYSTEMS

INCIDENT, REQUEST = ticket_pb2.TICKET_TYPE_INCIDENT, ticket_pb2.TICKET_TYPE_REQUEST
PORTAL, CHAT, PHONE = ticket_pb2.CHANNEL_PORTAL, ticket_pb2.CHANNEL_CHAT, ticket_pb2.CHANNEL_PHONE
VENDOR, CHANGE = ticket_pb2.HOLD_REASON_VENDOR, ticket_pb2.HOLD_REASON_CHANGE
FIXED, DELIVERED = ticket_pb2.RESOLUTION_CODE_FIXED, ticket_pb2.RESOLUTION_CODE_DELIVERED


@dataclass(frozen=True, slots=True)
class Act:
    """What one person did to the ticket. verb: of the tickets service, "triage"; given: the fields of its request.

    articles: keys of the articles that were used.
    """

    who: str
    verb: str
    given: dict[str, Any] = field(default_factory=dict)
    articles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket. hours_ago: before the midnight of the load, for one that began earlier; 0 for one of the day."""

    key: str
    type: ticket_pb2.TicketType.ValueType
    title: str
    requester: str
    acts: tuple[Act, ...] = ()
    description: str = ""
    channel: ticket_pb2.Channel.ValueType = PORTAL
    service: str = ""
    category: str = ""
    site: str = "总部"
    hours_ago: float = 0


def triage(impact: int, urgency: int, who: str = "fang-yihe") -> Act:
    """Weighs it."""
    return Act(who, "triage", {"impact": impact, "urgency": urgency})


def assign(team: str, assignee: str = "", who: str = "fang-yihe") -> Act:
    """Gives it to a team, and to a person of it when named."""
    return Act(who, "assign", {"team": team, "assignee": f"people/{assignee}" if assignee else ""})


def reply(who: str, text: str) -> Act:
    """Says something that the requester sees too."""
    return Act(who, "comment", {"text": text, "visibility": ticket_pb2.VISIBILITY_PUBLIC})


def note(who: str, text: str) -> Act:
    """Says something to the colleagues alone."""
    return Act(who, "comment", {"text": text, "visibility": ticket_pb2.VISIBILITY_INTERNAL})


def resolve(who: str, code: ticket_pb2.ResolutionCode.ValueType, text: str, *articles: str) -> Act:
    """Ends the work."""
    return Act(who, "resolve", {"code": code, "note": text}, articles)


STORIES = (
    Story(
        "new-manager-access",
        REQUEST,
        "为新店长开通门店系统权限",
        "su-wanqing",
        (
            triage(2, 2),
            assign(ACCESS, "zhou-yan"),
            Act("zhou-yan", "start"),
            Act(
                "zhou-yan",
                "ask",
                {"question": "系统按上岗日给权限。新店长陶然从哪天起上岗？我这边约 40 分钟就能开好。"},
            ),
        ),
        description="滨江二店新店长陶然下周到岗，需要门店系统的排班和退款权限。",
        channel=CHAT,
        service="services/identity",
        category="access",
        site="滨江二店",
    ),
    Story(
        "payment-outage",
        INCIDENT,
        "静安、西湖两店扫码付款全部失败",
        "ye-qingtang",
        (
            triage(1, 1),
            assign(STORE_SYSTEMS, "lin-yuan"),
            Act("lin-yuan", "start"),
            reply("lin-yuan", "看到了，支付网关连接耗尽。先切备用通道，收银机上选“设置 → 支付 → 备用”就能收款。"),
            note("lin-yuan", "和促销日那次一样是连接池。备用通道能撑到晚高峰前，扩容变更已经写好。"),
        ),
        description="从刚才开始，两家店所有收银机扫码都失败，现金可以收。",
        channel=PHONE,
        service="services/payment",
        category="payment",
        site="静安店",
    ),
    Story(
        "receipt-printing",
        INCIDENT,
        "滨江二店小票打印断续",
        "meng-zhiqiu",
        (
            triage(2, 1),
            assign(STORE_SYSTEMS, "gao-xing"),
            Act("gao-xing", "start"),
            Act("gao-xing", "ask", {"question": "请看一下打印机底部的型号，是 TP-80 还是 TP-88？"}),
            Act("meng-zhiqiu", "answer", {"answer": "两台都是 TP-88。"}),
            reply("gao-xing", "收到，和上月几家店一样是驱动升级后的缓存问题。我先给 1 号机回退驱动，约 15 分钟。"),
            note("gao-xing", "1 号机回退后观察 40 分钟，没有断续再做 2 号机。"),
        ),
        description="两台收银机打小票打到一半就停，重启能好几分钟。顾客排队排到门口了。",
        channel=CHAT,
        service="services/pos",
        category="printing",
        site="滨江二店",
    ),
    Story(
        "price-tag-delay",
        INCIDENT,
        "价签推送延迟 20 分钟",
        "ye-qingtang",
        (
            triage(2, 2),
            assign(STORE_SYSTEMS, "gao-xing"),
            Act("gao-xing", "start"),
            reply("gao-xing", "基站正常，慢在供应商的推送平台，已经请他们查。"),
            Act(
                "gao-xing",
                "hold",
                {"reason": VENDOR, "note": "供应商在查推送平台，答应 18:00 前回复", "unblocker": "云标科技"},
            ),
        ),
        service="services/price-tags",
        category="price tags",
        site="静安店",
    ),
    Story(
        "forecast",
        INCIDENT,
        "补货预测两天没有刷新",
        "xie-yunzhou",
        (
            triage(1, 2),
            assign(APPLICATIONS, "liang-bo"),
            Act("liang-bo", "start"),
            reply("liang-bo", "夜间任务在等一张没有到的销量表。我先用前天的数据跑一版，今晚修任务的依赖。"),
        ),
        service="services/replenishment",
        category="replenishment",
        hours_ago=30,
    ),
    Story(
        "wangjing-network",
        INCIDENT,
        "望京店网络时断时续",
        "ding-xiaoman",
        (
            triage(2, 2),
            assign(NETWORK, "qin-mo"),
            Act("qin-mo", "start"),
            reply("qin-mo", "线路没有问题，是二层基站老化，要换。"),
            Act("qin-mo", "hold", {"reason": CHANGE, "note": "等基站更换的窗口", "unblocker": NETWORK}),
        ),
        service="services/store-network",
        category="network",
        site="望京店",
        hours_ago=9,
    ),
    Story(
        "hotel-vpn",
        INCIDENT,
        "VPN is blocked in the hotel in Düsseldorf",
        "tom-weber",
        (
            triage(3, 1),
            assign(SERVICE_DESK, "priya-nair"),
            Act("priya-nair", "start"),
            reply(
                "priya-nair",
                "Please choose Settings, Protocol, TLS 443 and connect again. Does it hold for ten minutes?",
            ),
            reply("tom-weber", "It holds so far, I have a call at three and will tell you after it."),
        ),
        description="I can reach the web but no internal page. Supplier meetings start this afternoon.",
        service="services/vpn",
        category="vpn",
    ),
    Story(
        "supplier-statement",
        INCIDENT,
        "供应商对账单导不出来",
        "lu-jingxing",
        (
            triage(2, 2),
            assign(APPLICATIONS, "shen-zhao"),
            Act("shen-zhao", "start"),
            Act("shen-zhao", "ask", {"question": "是全部供应商都这样，还是只有海外的？"}),
            Act("lu-jingxing", "answer", {"answer": "只有海外的，金额带小数就报错。"}),
        ),
        service="services/erp",
        category="erp",
    ),
    Story(
        "member-code",
        INCIDENT,
        "西湖店会员码无法核销",
        "gu-chengyu",
        (triage(2, 2), assign(APPLICATIONS)),
        service="services/membership",
        category="membership",
        site="西湖店",
    ),
    Story(
        "new-members",
        INCIDENT,
        "天河店查不到新会员",
        "bai-ruoxi",
        (
            triage(3, 1),
            assign(APPLICATIONS, "liang-bo"),
            Act("liang-bo", "start"),
            resolve("liang-bo", FIXED, "同步任务已补跑，新会员可以查到。"),
            Act("bai-ruoxi", "reopen", {"reason": "今天上午注册的三位还是查不到。"}),
        ),
        service="services/membership",
        category="membership",
        site="天河店",
    ),
    Story(
        "verification-code",
        INCIDENT,
        "换了手机，收不到验证码",
        "su-wanqing",
        (
            triage(3, 2),
            assign(ACCESS, "zhou-yan"),
            Act("zhou-yan", "start"),
            resolve("zhou-yan", FIXED, "已重置，请用新手机扫码。步骤在文章里。", "authenticator"),
        ),
        service="services/identity",
        category="sign-in",
    ),
    Story(
        "shared-folder",
        REQUEST,
        "招聘共享文件夹只读权限",
        "su-wanqing",
        (
            triage(3, 2),
            assign(ACCESS, "tan-ye"),
            Act("tan-ye", "start"),
            resolve("tan-ye", DELIVERED, "已开通，重新登录后生效。"),
            Act("su-wanqing", "close"),
        ),
        service="services/identity",
        category="access",
    ),
    Story(
        "scanner-batteries",
        REQUEST,
        "华东仓 6 把盘点枪换电池",
        "luo-jianguo",
        (triage(3, 3), assign(DEVICES, "wei-ran")),
        service="services/warehouse",
        category="scanner",
        site="华东仓",
    ),
    Story(
        "screen-sound",
        INCIDENT,
        "会议室投屏没有声音",
        "han-lu",
        (Act("han-lu", "cancel", {"reason": "是音箱没开，不用来了，谢谢。"}),),
        service="services/workplace",
        category="hardware",
    ),
    Story("training-tablets", REQUEST, "申请 4 台平板给门店培训使用", "han-lu", description="下周三开始，用两周。"),
    Story("drawer-key", REQUEST, "收银抽屉钥匙补发", "meng-zhiqiu", site="滨江二店"),
    Story("new-barcodes", INCIDENT, "扫码枪读不出新条码", "luo-jianguo", site="华东仓", channel=CHAT),
)
