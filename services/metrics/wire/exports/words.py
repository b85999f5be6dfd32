"""The words of exported files, in English and in Chinese; a file has no page around it that could say them."""

from __future__ import annotations

from collections.abc import Mapping

from services.metrics.rules.registry import Metric
from services.metrics.rules.report_record import Report

LANGUAGES = ("en", "zh")
_WORDS: Mapping[str, tuple[str, str]] = {
    "group": ("Group", "分组"),
    "all": ("All", "全部"),
    "metric": ("Metric", "指标"),
    "name": ("Name", "名称"),
    "unit": ("Unit", "单位"),
    "state": ("State", "状态"),
    "value": ("Value", "值"),
    "n": ("n", "n"),
    "numerator": ("Numerator", "分子"),
    "denominator": ("Denominator", "分母"),
    "median": ("Median", "中位数"),
    "p90": ("P90", "P90"),
    "mean": ("Mean", "均值"),
    "low": ("Low", "下限"),
    "high": ("High", "上限"),
    "provisional": ("Not final", "未定"),
    "note": ("Note", "说明"),
    "baseline_state": ("Baseline state", "基准状态"),
    "baseline": ("Baseline", "基准"),
    "baseline_n": ("Baseline n", "基准 n"),
    "change_state": ("Change state", "变化状态"),
    "change": ("Change", "变化"),
    "change_low": ("Change low", "变化下限"),
    "change_high": ("Change high", "变化上限"),
    "from": ("From", "起"),
    "to": ("To", "止"),
    "interval": ("95% interval", "95% 区间"),
    "tickets": ("Tickets", "服务单"),
    "definitions": ("Definitions", "定义"),
    "about": ("Meaning", "含义"),
    "formula": ("Formula", "公式"),
    "version": ("Version", "版本"),
    "period": ("Period", "期间"),
    "made": ("Data as of", "数据截至"),
    "rights": ("Numbers of unit", "数据范围"),
    "everything": ("every unit", "全部单位"),
    "left_out": ("Groups not listed", "未列出的分组"),
    "ungrouped": ("Tickets in no group", "未归入分组的服务单"),
    "ticket": ("Ticket", "服务单"),
    "type": ("Type", "类型"),
    "priority": ("Priority", "优先级"),
    "service": ("Service", "服务"),
    "team": ("Team", "团队"),
    "site": ("Site", "地点"),
    "scope": ("Business unit", "业务单位"),
    "channel": ("Channel", "渠道"),
    "source": ("Source", "来源"),
    "opened": ("Opened", "提交时间"),
    "acked": ("First acknowledged", "首次接手"),
    "responded": ("First response", "首次回复"),
    "first_resolved": ("First resolved", "首次解决"),
    "resolved": ("Resolved", "解决时间"),
    "closed": ("Closed", "关闭时间"),
    "waited": ("Waited, seconds", "等待秒数"),
    "reassignments": ("Reassigned", "转派次数"),
    "reopens": ("Reopened", "重开次数"),
    "response_met": ("Response promise met", "响应承诺达成"),
    "resolution_met": ("Resolution promise met", "解决承诺达成"),
    "knowledge": ("Knowledge used", "使用知识"),
    "excluded": ("Left out by rule", "排除规则"),
}
_STATES: Mapping[str, tuple[str, str]] = {
    "SHOWN": ("", ""),
    "TOO_FEW": ("Too few", "样本不足"),
    "NOT_DEFINED": ("Not defined", "无定义"),
    "WAITING": ("Not measured yet", "尚未计量"),
    "NOT_SHOWN": ("Not shown", "变化不明确"),
}
_UNITS: Mapping[str, tuple[str, str]] = {
    "s": ("s", "秒"),
    "%": ("%", "%"),
    "count per ticket": ("per ticket", "每张服务单"),
    "tickets": ("tickets", "张"),
    "count per 100 tickets": ("per 100 tickets", "每百张服务单"),
    "minor units": ("minor units", "最小货币单位"),
    "events": ("events", "次"),
    "ratio": ("", ""),
}


def word(key: str, language: str) -> str:
    """A head or a label."""
    return _WORDS[key][LANGUAGES.index(language)]


def state_word(standing: str, language: str) -> str:
    """Why there is no value; "" when there is one."""
    return _STATES[standing][LANGUAGES.index(language)]


def unit_word(metric: Metric, language: str) -> str:
    """What a value is counted in."""
    found = _UNITS.get(metric.unit.value)
    return metric.unit.value if found is None else found[LANGUAGES.index(language)]


def title_of(report: Report, language: str) -> str:
    """The report's title in a language, in the other one when it has no title in this."""
    titles = dict(report.titles)
    return titles.get(language) or next(iter(titles.values()), report.name)
