"""What Qihe Retail has found out and written down, in Chinese and English, and how far each text has come."""

from __future__ import annotations

from dataclasses import dataclass

from throughline.knowledge.v1 import article_pb2, events_pb2
from throughline.knowledge.v1 import knowledge_service_pb2 as pb

from deploy.local.demo import company
from deploy.local.demo.loader import Loader

PUBLISHED, IN_REVIEW, DRAFT, RETURNED, RETIRED = "published", "in review", "draft", "returned", "retired"


@dataclass(frozen=True, slots=True)
class Text:
    """One article. reach: how far it came; readers: (read, solved, not solved) counts of its use."""

    key: str
    language: str
    title: str
    body: str
    team: str
    service: str
    tags: str
    author: str = "yuan-shu"
    reviewer: str = "xu-heng"
    reach: str = PUBLISHED
    readers: tuple[int, int, int] = (2, 1, 0)


TEXTS = (
    Text(
        "receipt-printer",
        "zh",
        "小票打到一半就停：回退打印驱动",
        """收银机升级到驱动 4.2 以后，缓存满了就会停住。顾客可以先要电子小票。

1. 在收银机上按 `Ctrl+Alt+P` 打开打印设置。
2. 选“回退到 4.1”，等屏幕提示完成，约 2 分钟。
3. 打一张测试小票，确认整张都打出来。

回退后仍断续，请提交服务单并写上收银机编号和打印机型号。""",
        company.STORE_SYSTEMS,
        "services/pos",
        "收银 打印 小票",
        author="lin-yuan",
        readers=(5, 4, 1),
    ),
    Text(
        "payment-timeout",
        "zh",
        "扫码付款转圈时怎么收款",
        """1. 先看收银机右下角的网络灯：红灯按“门店断网自查”处理。
2. 绿灯仍转圈，请切到“备用通道”：设置 → 支付 → 备用。
3. 已扣款没有出票，不要让顾客再付一次；在“待确认交易”里按流水号补单。

两家以上门店同时出现，请直接打服务台电话，这是 P1。""",
        company.STORE_SYSTEMS,
        "services/payment",
        "收银 支付 扫码",
        author="gao-xing",
        reviewer="lin-yuan",
        readers=(3, 2, 1),
    ),
    Text(
        "store-offline",
        "zh",
        "门店断网自查三步",
        """1. 看光猫：LOS 灯红色是线路断了，直接报修，运营商约 4 小时到店。
2. 光猫正常就重启门店路由器，等 3 分钟。
3. 收银机换插 2 号网口；2 号口走 4G 备份，速度慢但能收款。""",
        company.NETWORK,
        "services/store-network",
        "网络 断网 门店",
        author="qin-mo",
        readers=(3, 2, 1),
    ),
    Text(
        "price-tags",
        "zh",
        "电子价签不刷新：先看基站，再看电量",
        """基站的灯是蓝色表示在线。灯灭时拔电 10 秒再插上，价签会在 15 分钟内补齐。

单个价签不刷新，多半是电量低于 10%。电池型号 CR2450，门店备件柜里有。""",
        company.STORE_SYSTEMS,
        "services/price-tags",
        "价签 电池",
        author="gao-xing",
        reviewer="lin-yuan",
    ),
    Text(
        "new-store-manager",
        "zh",
        "店长第一周：系统与权限清单",
        """| 系统 | 做什么 | 谁来开 |
|---|---|---|
| 门店系统 | 排班、退款、日结 | 提交“门店系统权限”，写明上岗日 |
| 会员后台 | 查积分、补登 | 随门店权限一起开 |
| 企业邮箱 | 收总部通知 | 入职当天自动开 |

权限从上岗日开始生效，所以申请里一定要写日期。""",
        company.ACCESS,
        "services/identity",
        "权限 店长 新员工",
        author="zhou-yan",
        readers=(4, 3, 0),
    ),
    Text(
        "refund-permission",
        "zh",
        "临时退款授权怎么用",
        """店长不在时，值班主管可以用临时授权码退款，单笔不超过 500 元，当天有效。

在收银机上选“退款 → 临时授权”，输入店长手机收到的 6 位码。授权码用一次就失效。""",
        company.ACCESS,
        "services/identity",
        "退款 权限",
        author="zhou-yan",
    ),
    Text(
        "authenticator",
        "zh",
        "换了手机，收不到验证码",
        """旧手机还在：在旧手机上打开验证器 → 转移账户，用新手机扫码。

旧手机不在：带工牌到服务台，或让直属上级在聊天里确认，我们 10 分钟内重置。""",
        company.ACCESS,
        "services/identity",
        "登录 验证码",
        author="tan-ye",
        readers=(5, 4, 1),
    ),
    Text(
        "vpn-drops",
        "zh",
        "VPN 频繁掉线：改用 443 端口",
        """酒店和商场的网络常常拦住 VPN 默认端口。

在客户端里选“设置 → 协议 → TLS 443”，重新连接即可。速度略慢，但不会掉。""",
        company.NETWORK,
        "services/vpn",
        "VPN 出差",
        author="qin-mo",
        readers=(3, 2, 0),
    ),
    Text(
        "scanner-pairing",
        "zh",
        "盘点枪重新配对",
        """同时按住扳机和侧键 5 秒，听到两声后对准底座上的配对码。

连不上的枪不要反复重启，换一把备用枪，把坏枪放进充电柜的红色格子。""",
        company.DEVICES,
        "services/warehouse",
        "盘点枪 仓库",
        author="wei-ran",
        reviewer="yuan-shu",
    ),
    Text(
        "wave-release",
        "zh",
        "波次任务卡在“分配中”的处理",
        """多半是有一个货位被锁。到“库存 → 锁定货位”按时间倒序找到它，确认实物后解锁，任务会自己继续。

不要重复释放同一个波次，会出现重复拣货。""",
        company.APPLICATIONS,
        "services/warehouse",
        "仓库 波次",
        author="liang-bo",
        reviewer="shen-zhao",
        reach=IN_REVIEW,
    ),
    Text(
        "member-points",
        "zh",
        "会员积分重复扣减怎么补",
        """先在会员后台按手机号查流水，两笔时间相差在 3 秒内才是重复扣减。

选中第二笔 → 冲回，原因写服务单号。""",
        company.APPLICATIONS,
        "services/membership",
        "会员 积分",
        author="liang-bo",
        reviewer="shen-zhao",
        reach=RETURNED,
    ),
    Text(
        "printer-cache",
        "zh",
        "清理收银打印机缓存（旧）",
        "断电 30 秒再上电。只适用于驱动 3.x；4.x 请看“回退打印驱动”。",
        company.STORE_SYSTEMS,
        "services/pos",
        "收银 打印",
        author="gao-xing",
        reach=RETIRED,
    ),
    Text(
        "vpn-contractor",
        "en",
        "VPN for contractors and visitors",
        """Access lasts until a named day and never longer than 90 days.

1. The host files the request and names the contractor's company, purpose and last day.
2. The contractor gets a link to enrol a phone; nothing is installed on a private laptop.
3. On the last day access ends by itself. To extend it, file again before that day.""",
        company.NETWORK,
        "services/vpn",
        "vpn access",
        author="qin-mo",
        readers=(3, 2, 0),
    ),
    Text(
        "account-locked",
        "en",
        "My account is locked",
        """After five wrong passwords an account is locked for 15 minutes. Waiting is the fastest way.

Still locked after that? A phone or mail client keeps sending the old password. Remove the account there first,
then sign in again on the web.""",
        company.ACCESS,
        "services/identity",
        "sign-in password",
        author="tan-ye",
        readers=(4, 3, 1),
    ),
    Text(
        "laptop-wake",
        "en",
        "Laptop does not wake up",
        """Hold the power button for 15 seconds, wait for 10, and press it once.

If the light blinks three times, plug in the charger for half an hour first: the battery was empty.""",
        company.DEVICES,
        "services/workplace",
        "laptop hardware",
        author="priya-nair",
        readers=(3, 2, 0),
    ),
    Text(
        "meeting-room",
        "en",
        "No sound when sharing a screen in a meeting room",
        "Choose the room's speaker in the meeting app, not the laptop's. To be completed: rooms on floor 12 differ.",
        company.DEVICES,
        "services/workplace",
        "meeting room",
        author="priya-nair",
        reach=DRAFT,
    ),
)


def load(loader: Loader) -> dict[str, str]:
    """Writes all articles and takes each as far as it came; the resource name by key."""
    # Written one after another, so that each gets the same number every time.
    names = {text.key: _write(loader, text) for text in TEXTS}
    loader.each(lambda text: _bring_on(loader, text, names[text.key]), TEXTS)
    return names


def _write(loader: Loader, text: Text) -> str:
    drafted = pb.CreateArticleRequest(
        title=text.title,
        body=text.body,
        language=text.language,
        owner_team=text.team,
        service=text.service,
        tags=text.tags.split(),
    )
    article: article_pb2.Article = loader.act(
        text.author, loader.knowledge.CreateArticle, drafted, f"articles/{text.key}"
    )
    return article.name


def _bring_on(loader: Loader, text: Text, name: str) -> None:
    service, item = loader.knowledge, f"articles/{text.key}"
    if text.reach == DRAFT:
        return
    loader.act(text.author, service.SubmitArticle, pb.SubmitArticleRequest(name=name), f"{item}/submit")
    if text.reach == RETURNED:
        note = "请补一张后台截图，并写清谁有冲回的权限。"
        loader.act(
            text.reviewer, service.ReturnArticle, pb.ReturnArticleRequest(name=name, note=note), f"{item}/return"
        )
    if text.reach in (PUBLISHED, RETIRED):
        loader.act(text.reviewer, service.PublishArticle, pb.PublishArticleRequest(name=name), f"{item}/publish")
    if text.reach == RETIRED:
        retired = pb.RetireArticleRequest(name=name, reason="驱动 3.x 已全部下线。")
        loader.act(text.author, service.RetireArticle, retired, f"{item}/retire")
    if text.reach == PUBLISHED:
        _read(loader, text, name)


def _read(loader: Loader, text: Text, name: str) -> None:
    """People read it, and some say whether it helped."""
    uses = (events_pb2.USEFULNESS_VIEWED, events_pb2.USEFULNESS_SOLVED, events_pb2.USEFULNESS_NOT_SOLVED)
    readers = ("ye-qingtang", "lu-jingxing", "han-lu")
    for use, times in zip(uses, text.readers, strict=True):
        for turn in range(times):
            request = pb.RecordUseRequest(name=name, usefulness=use)
            item = f"articles/{text.key}/use/{use}/{turn}"
            loader.act(readers[turn % len(readers)], loader.knowledge.RecordUse, request, item)
