"""What goes wrong at Qihe Retail and what people ask for: the kinds of ticket of which the three months are made."""

from __future__ import annotations

from dataclasses import dataclass

from throughline.tickets.v1 import ticket_pb2

from deploy.local.demo import company

_INCIDENT, _REQUEST = ticket_pb2.TICKET_TYPE_INCIDENT, ticket_pb2.TICKET_TYPE_REQUEST

# Impact and urgency with their weights.
_MAJOR = {(1, 1): 5, (1, 2): 4, (2, 1): 1}
_STORE = {(1, 2): 1, (2, 1): 2, (2, 2): 14, (3, 1): 5, (3, 2): 8}
_LOCAL = {(2, 2): 4, (3, 1): 4, (3, 2): 14, (3, 3): 4}
_WISH = {(2, 1): 1, (2, 2): 6, (3, 1): 3, (3, 2): 12, (3, 3): 6}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of ticket. titles: {site} and {n} are filled in; levels: (impact, urgency) and their weights.

    months: how often it comes in each of the three months; a change or an article cures some. places: "stores",
    "warehouse" or "office". knowledge: the share that an article solves. stray: the share sent to a wrong team first.
    """

    titles: tuple[str, ...]
    type: ticket_pb2.TicketType.ValueType
    category: str
    service: str
    team: str
    levels: dict[tuple[int, int], int]
    months: tuple[int, int, int]
    places: str = "stores"
    knowledge: float = 0.1
    stray: float = 0.08


FAULTS = (
    Fault(
        ("{site}小票打印断续", "{site} {n} 号收银机打小票打到一半就停", "{site}收银小票打不出来"),
        *(_INCIDENT, "printing", "services/pos", company.STORE_SYSTEMS, _STORE),
        (34, 30, 11),
        knowledge=0.3,
    ),
    Fault(
        ("{site}收银台扫码反复超时", "{site}顾客扫码付款转圈", "{site} {n} 号收银机支付超时"),
        *(_INCIDENT, "payment", "services/payment", company.STORE_SYSTEMS, _STORE),
        (16, 24, 9),
        stray=0.22,
    ),
    Fault(
        ("全部门店扫码支付失败", "支付网关返回错误，多家门店无法收款"),
        *(_INCIDENT, "payment", "services/payment", company.STORE_SYSTEMS, _MAJOR),
        (5, 9, 3),
        stray=0.3,
    ),
    Fault(
        ("{site}价签推送延迟", "{site}电子价签有 {n} 个不刷新", "{site}价签电量误报"),
        *(_INCIDENT, "price tags", "services/price-tags", company.STORE_SYSTEMS, _STORE),
        (15, 14, 13),
        knowledge=0.2,
    ),
    Fault(
        ("{site}会员码无法核销", "{site}会员积分重复扣减", "{site}查不到新会员"),
        *(_INCIDENT, "membership", "services/membership", company.APPLICATIONS, _STORE),
        (13, 11, 10),
        stray=0.3,
    ),
    Fault(
        ("{site}网络时断时续", "{site}收银断网，重启光猫后恢复", "{site}无线覆盖变差"),
        *(_INCIDENT, "network", "services/store-network", company.NETWORK, _STORE),
        (15, 13, 12),
    ),
    Fault(
        ("{site}盘点枪连不上系统", "{site}扫码枪读不出新条码", "{site}盘点枪电池撑不到下班"),
        *(_INCIDENT, "scanner", "services/warehouse", company.DEVICES, _LOCAL),
        (12, 13, 12),
        places="warehouse",
    ),
    Fault(
        ("{site}波次任务卡在分配中", "{site}上架任务提交后没有反应", "WMS wave release is stuck at {site}"),
        *(_INCIDENT, "warehouse", "services/warehouse", company.APPLICATIONS, _STORE),
        (9, 10, 8),
        places="warehouse",
        stray=0.2,
    ),
    Fault(
        ("补货预测没有刷新", "补货建议里 {n} 个单品数量为零", "Replenishment forecast is empty for {n} items"),
        *(_INCIDENT, "replenishment", "services/replenishment", company.APPLICATIONS, _LOCAL),
        (8, 8, 9),
        places="office",
    ),
    Fault(
        ("费用报销提交后报错", "供应商对账单导不出来", "Purchase order {n} cannot be approved in ERP"),
        *(_INCIDENT, "erp", "services/erp", company.APPLICATIONS, _LOCAL),
        (10, 11, 11),
        places="office",
        stray=0.15,
    ),
    Fault(
        ("笔记本蓝屏", "外接显示器不亮", "会议室投屏没有声音", "Laptop does not wake up after the weekend"),
        *(_INCIDENT, "hardware", "services/workplace", company.DEVICES, _LOCAL),
        (16, 15, 16),
        places="office",
        knowledge=0.2,
    ),
    Fault(
        ("VPN 连上以后打不开内网", "VPN 每隔 {n} 分钟掉线", "VPN drops during video calls"),
        *(_INCIDENT, "vpn", "services/vpn", company.NETWORK, _LOCAL),
        (14, 12, 7),
        places="office",
        knowledge=0.35,
        stray=0.18,
    ),
    Fault(
        ("邮箱收不到外部邮件", "日历邀请时间差一小时", "邮箱空间已满"),
        *(_INCIDENT, "mail", "services/mail", company.ACCESS, _LOCAL),
        (8, 8, 7),
        places="office",
        knowledge=0.3,
    ),
    Fault(
        ("密码过期登录不了", "手机换了，收不到验证码", "Account is locked after holidays"),
        *(_INCIDENT, "sign-in", "services/identity", company.ACCESS, _LOCAL),
        (18, 16, 12),
        places="office",
        knowledge=0.4,
        stray=0.03,
    ),
    Fault(
        ("为新店员开通门店系统权限", "为新店长开通门店系统权限", "{site}退款权限申请"),
        *(_REQUEST, "access", "services/identity", company.ACCESS, _WISH),
        (17, 18, 20),
        knowledge=0.15,
    ),
    Fault(
        ("新员工账号与邮箱", "离职账号关闭", "共享文件夹只读权限", "Access to the sourcing workspace"),
        *(_REQUEST, "access", "services/identity", company.ACCESS, _WISH),
        (14, 14, 15),
        places="office",
    ),
    Fault(
        ("申请一台笔记本", "更换键盘鼠标", "新工位接网线和显示器", "{n} 台平板给培训使用"),
        *(_REQUEST, "hardware", "services/workplace", company.DEVICES, _WISH),
        (11, 12, 12),
        places="office",
    ),
    Fault(
        ("{site}收银抽屉钥匙补发", "{site}增加一台收银机", "{site}盘点枪换电池"),
        *(_REQUEST, "store equipment", "services/pos", company.STORE_SYSTEMS, _WISH),
        (9, 9, 10),
        stray=0.12,
    ),
    Fault(
        ("为出差开通 VPN", "VPN for a contractor until the end of the month"),
        *(_REQUEST, "vpn", "services/vpn", company.NETWORK, _WISH),
        (7, 7, 8),
        places="office",
        knowledge=0.2,
    ),
)
