"""The four stages and the criteria for leaving each: data, read by rules, pages and the interface alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

TICKETS_NEEDED = 30
CHANGES_NEEDED = 5


class Stage(Enum):
    """A stage; the number is its place on the way."""

    ENTRY = 1
    PROCESS = 2
    AUTOMATION = 3
    BOARD = 4


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion. names, about: in English and Chinese.

    Fed by one of: metric, an id of the registry; metric by `of`, the share of one count in another, in per cent; count,
    the name of a number of things kept. waits_for: what it waits for, when nothing feeds it yet. per_hundred: a metric
    by ticket is told for 100 tickets, as the map of friction tells it.
    at_least: the threshold is the least, else the most. needed: on how many the value must stand.
    """

    id: str
    names: tuple[str, str]
    about: tuple[str, str]
    threshold: float = 0.0
    at_least: bool = True
    metric: str = ""
    of: str = ""
    count: str = ""
    per_hundred: bool = False
    needed: int = TICKETS_NEEDED
    waits_for: str = ""

    @property
    def source(self) -> str:
        """Where its number is from: "E05", "E02-person / tickets opened" by id, "100 x E12-waiting", "count(...)"."""
        if self.count:
            return f"count({self.count})"
        if self.per_hundred:
            return f"100 x {self.metric}"
        return f"{self.metric} / {self.of}" if self.of else self.metric


@dataclass(frozen=True, slots=True)
class Plan:
    """A stage's names and criteria."""

    names: tuple[str, str]
    criteria: tuple[Criterion, ...]


STAGES: Mapping[Stage, Plan] = {
    Stage.ENTRY: Plan(
        ("One entry", "统一入口"),
        (
            Criterion(
                "past_the_entry", ("Few tickets come past the entry", "绕过入口的服务单很少"),
                (
                    "Tickets opened by phone or in person, of all that were opened: at most 30 %.",
                    "电话或当面提交的服务单占全部服务单的比例不超过 30%。",
                ),
                30.0, at_least=False, metric="answered_in_person", of="tickets_opened",
            ),
            Criterion(
                "complete_at_once", ("What is needed is said at once", "一次说清所需信息"),
                (
                    "Tickets that ended without a question back: at least 80 %.",
                    "结束前无需追问的服务单比例不低于 80%。",
                ),
                80.0, metric="first_time_complete",
            ),
            Criterion(
                "few_chases", ("Nobody has to chase", "无需催办"),
                (
                    "Chases of 100 tickets that ended, while these stood still or were late: at most 20.",
                    "每百张已了结的服务单，在停滞或超期时的催单不超过 20 次。",
                ),
                20.0, at_least=False, metric="chases_while_waiting", per_hundred=True,
            ),
            Criterion(
                "every_channel", ("Mail and chat lead to the same entry", "邮件与聊天进入同一入口"),
                (
                    "Messages in are tickets, merged, or refused with a reason.",
                    "每条消息都成为服务单、被合并或附理由拒绝。",
                ),
                waits_for="mail and chat as entries",
            ),
        ),
    ),
    Stage.PROCESS: Plan(
        ("One process", "标准流程"),
        (
            Criterion(
                "promises_kept", ("Promises of resolution are kept", "解决承诺达成"),
                ("Resolution clocks that stopped in time: at least 90 %.", "按时停止的解决时钟不低于 90%。"),
                90.0, metric="sla_met_resolution",
            ),
            Criterion(
                "replies_kept", ("Promises of a reply are kept", "响应承诺达成"),
                ("Response clocks that stopped in time: at least 90 %.", "按时停止的响应时钟不低于 90%。"),
                90.0, metric="sla_met_response",
            ),
            Criterion(
                "no_ping_pong", ("Tickets do not go back and forth", "服务单不来回转派"),
                ("Tickets that came back to a team that had them: at most 10 %.", "来回转派的服务单不超过 10%。"),
                10.0, at_least=False, metric="ping_pong",
            ),
            Criterion(
                "changes_succeed", ("Changes succeed by their checks", "变更经验证成功"),
                ("Changes that succeeded: at least 90 %, of five or more.", "变更成功率不低于 90%，且至少五次变更。"),
                90.0, metric="change_success", needed=CHANGES_NEEDED,
            ),
            Criterion(
                "from_the_catalogue", ("Requests come from the catalogue", "请求来自服务目录"),
                ("Requests that chose a deliverable.", "选择了交付物的请求比例。"),
                waits_for="deliverables of the catalogue",
            ),
        ),
    ),
    Stage.AUTOMATION: Plan(
        ("Automation and knowledge", "自动化与知识"),
        (
            Criterion(
                "knowledge_used", ("Solutions come out of knowledge", "用知识解决"),
                ("Resolved tickets in which an article helped: at least 20 %.", "借助知识文章解决的服务单不低于 20%。"),
                20.0, metric="knowledge_used",
            ),
            Criterion(
                "few_recurrences", ("The same fault seldom comes again", "同一故障很少重现"),
                (
                    "Incidents with a signature resolved before: at most 20 %.",
                    "此前已解决的故障再次发生的比例不超过 20%。",
                ),
                20.0, at_least=False, metric="recurrence",
            ),
            Criterion(
                "self_solved", ("People find the answer themselves", "用户自助解决"),
                ("Self-solved of all that was solved: at least 20 %.", "自助解决占全部解决的比例不低于 20%。"),
                20.0, metric="self_solved",
            ),
            Criterion(
                "runs_by_themselves", ("Standard work runs by itself", "标准工作自动执行"),
                ("Runs of automation, each in the chain of audit.", "自动化执行次数，均记入审计链。"),
                waits_for="runs of automation as events",
            ),
        ),
    ),
    Stage.BOARD: Plan(
        ("The board and its loop", "看板与治理闭环"),
        (
            Criterion(
                "cost_models", ("What a loss costs is agreed", "损失口径已核定"),
                ("Cost models with an approved version: at least one.", "至少有一个成本模型版本已批准。"),
                1.0, count="approved_cost_models", needed=0,
            ),
            Criterion(
                "objectives", ("What is promised of services is known", "业务服务目标已明确"),
                ("Business services with an objective: at least one.", "至少有一个业务服务设定了目标。"),
                1.0, count="services_with_objective", needed=0,
            ),
            Criterion(
                "improvements", ("The backlog brings something to an end", "改进项有始有终"),
                ("Improvements finished with a date: at least one.", "至少有一项改进已注明日期完成。"),
                1.0, count="finished_improvements", needed=0,
            ),
            Criterion(
                "risks_weighed", ("Risks are weighed and owned", "风险已评估并有责任人"),
                ("Risks in the register, whatever became of them: at least one.", "风险登记册中至少有一项风险。"),
                1.0, count="risks", needed=0,
            ),
            Criterion(
                "repeats_end", ("What is known does not cost again", "已知问题不再重复付费"),
                ("Loss by known problems.", "已知问题造成的重复损失。"),
                metric="repeat_loss", at_least=False, needed=0,
            ),
        ),
    ),
}  # fmt: skip
