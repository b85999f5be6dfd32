"""Qihe Retail (栖禾零售): its teams, its people and what they may do, its shops and its services. All invented."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.runtime.actor import Actor

TIME_ZONE = "Asia/Shanghai"
PAGES = {"TL_COMPANY": "Qihe Retail", "TL_COMPANY_ZH": "栖禾零售", "TL_TIME_ZONE": TIME_ZONE}
"""What the pages are told of the company."""

PASSWORD = "qihe-demo-2026"  # noqa: S105 - printed by `make run`; the data are invented

SERVICE_DESK = "teams/service-desk"
STORE_SYSTEMS = "teams/store-systems"
ACCESS = "teams/access-accounts"
NETWORK = "teams/network"
DEVICES = "teams/end-user-devices"
APPLICATIONS = "teams/business-applications"


@dataclass(frozen=True, slots=True)
class Team:
    """One team and who leads it."""

    name: str
    zh: str
    en: str
    lead: str


@dataclass(frozen=True, slots=True)
class Person:
    """key: "zhou-yan". roles, teams: words without their collection, separated by blanks."""

    key: str
    display_name: str
    title: str
    roles: str
    teams: str = ""
    unit: str = "cn"
    language: str = "zh"

    @property
    def name(self) -> str:
        """ "people/zhou-yan"."""
        return f"people/{self.key}"

    @property
    def actor(self) -> Actor:
        """The person as the services see them once signed in."""
        teams = frozenset(f"teams/{team}" for team in self.teams.split())
        return Actor(self.name, frozenset(self.roles.split()), teams, self.unit)


@dataclass(frozen=True, slots=True)
class Site:
    """A place where people work. manager: who files for it; unit: its access scope."""

    name: str
    unit: str
    manager: str


TEAMS = (
    Team(SERVICE_DESK, "服务台", "Service desk", "people/fang-yihe"),
    Team(STORE_SYSTEMS, "门店系统组", "Store systems", "people/lin-yuan"),
    Team(ACCESS, "权限与账号组", "Access & accounts", "people/zhou-yan"),
    Team(NETWORK, "网络组", "Network", "people/qin-mo"),
    Team(DEVICES, "终端设备组", "End-user devices", "people/wei-ran"),
    Team(APPLICATIONS, "业务应用组", "Business applications", "people/shen-zhao"),
)

PEOPLE = (
    # Head office, who ask for things.
    Person("su-wanqing", "苏晚晴", "人力资源伙伴", "requester", unit="cn/hq"),
    Person("lu-jingxing", "陆景行", "财务会计", "requester", unit="cn/hq"),
    Person("xie-yunzhou", "谢云舟", "商品经理", "requester", unit="cn/hq"),
    Person("han-lu", "韩露", "市场活动经理", "requester", unit="cn/hq"),
    Person("tom-weber", "Tom Weber", "Sourcing, Europe", "requester", unit="cn/hq", language="en"),
    # Shops and the warehouse.
    Person("meng-zhiqiu", "孟知秋", "滨江二店店长", "requester", unit="cn/east"),
    Person("ye-qingtang", "叶青棠", "静安店店长", "requester", unit="cn/east"),
    Person("gu-chengyu", "顾承宇", "西湖店店长", "requester", unit="cn/east"),
    Person("ding-xiaoman", "丁小满", "望京店店长", "requester", unit="cn/north"),
    Person("bai-ruoxi", "白若溪", "天河店店长", "requester", unit="cn/south"),
    Person("luo-jianguo", "罗建国", "华东仓主管", "requester", unit="cn/east"),
    # The people who help.
    Person("fang-yihe", "方以禾", "服务台组长", "agent lead", "service-desk"),
    Person("jiang-nan", "江楠", "服务台工程师", "agent", "service-desk"),
    Person("priya-nair", "Priya Nair", "Service desk engineer", "agent", "service-desk", language="en"),
    Person("lin-yuan", "林予安", "门店系统组长", "agent lead", "store-systems"),
    Person("gao-xing", "高行", "门店系统工程师", "agent", "store-systems"),
    Person("zhou-yan", "周砚", "权限与账号工程师", "agent", "access-accounts"),
    Person("tan-ye", "谭野", "账号工程师", "agent", "access-accounts"),
    Person("qin-mo", "秦墨", "网络组长", "agent lead", "network"),
    Person("wei-ran", "魏然", "终端设备工程师", "agent", "end-user-devices"),
    Person("song-yu", "宋渔", "终端设备工程师", "agent", "end-user-devices", unit="cn/east"),
    Person("shen-zhao", "沈昭", "业务应用组长", "agent lead", "business-applications"),
    Person("liang-bo", "梁博", "业务应用工程师", "agent", "business-applications"),
    # Those who look after the whole.
    Person("xu-heng", "许衡", "IT 服务经理", "lead agent", "service-desk store-systems"),
    Person("tang-ke", "唐可", "问题经理", "problem_manager"),
    Person("zhao-mingchuan", "赵明川", "变更经理", "change_manager"),
    Person("chen-yu", "陈屿", "区域运营经理", "approver requester", unit="cn"),
    Person("yuan-shu", "袁舒", "知识编辑", "knowledge_author"),
    Person("he-shuning", "何书宁", "财务总监", "finance", unit=""),
    Person("jin-wei", "金蔚", "财务分析师", "finance", unit=""),
    Person("liu-mingyuan", "柳明远", "首席信息官", "executive", unit=""),
    Person("wu-chen", "吴忱", "平台运维", "operator", unit=""),
    Person("zheng-an", "郑安", "平台管理员", "administrator", unit=""),
)

_ROLES = (
    ("requester", "su-wanqing"),
    ("agent", "zhou-yan"),
    ("lead", "xu-heng"),
    ("problem_manager", "tang-ke"),
    ("change_manager", "zhao-mingchuan"),
    ("approver", "chen-yu"),
    ("knowledge_author", "yuan-shu"),
    ("finance", "he-shuning"),
    ("executive", "liu-mingyuan"),
    ("operator", "wu-chen"),
    ("administrator", "zheng-an"),
)

ACCOUNTS = tuple((role, key, PASSWORD) for role, key in _ROLES)
"""One account for each role: (role, what to sign in as, password)."""

HEAD_OFFICE = "总部"
WAREHOUSE = "华东仓"
SITES = (
    Site("滨江二店", "cn/east", "meng-zhiqiu"),
    Site("静安店", "cn/east", "ye-qingtang"),
    Site("西湖店", "cn/east", "gu-chengyu"),
    Site("望京店", "cn/north", "ding-xiaoman"),
    Site("天河店", "cn/south", "bai-ruoxi"),
    Site(WAREHOUSE, "cn/east", "luo-jianguo"),
)
HEAD_OFFICE_PEOPLE = ("lu-jingxing", "xie-yunzhou", "han-lu", "tom-weber", "chen-yu", "su-wanqing")

_BY_KEY = {person.key: person for person in PEOPLE}


def person(key: str) -> Person:
    """The person of that key, such as "zhou-yan"."""
    return _BY_KEY[key]


def members(team: str) -> Iterator[Person]:
    """Who works in the team, such as "teams/network", everywhere in the country."""
    short = team.partition("/")[2]
    return (one for one in PEOPLE if short in one.teams.split() and one.unit == "cn" and "agent" in one.roles.split())
