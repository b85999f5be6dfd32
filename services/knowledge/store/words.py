"""Text as search terms, alike at index and at query: simplified, lower case, Chinese by words and by pairs of signs."""

from __future__ import annotations

import re
from functools import cache

import opencc
import rjieba

# Words of the trade that the dictionary would cut in pieces.
TRADE = (
    *("工单", "服务单", "堡垒机", "收银台", "收银机", "小票", "价签", "盘点机", "扫码枪", "工位机", "网闸"),
    *("域账号", "单点登录", "邮件组", "共享盘", "虚拟桌面", "会话过期", "白名单", "内网", "外网", "补丁", "驱动"),
)
_WEIGHT = 20_000
_RUN = re.compile(r"[㐀-鿿豈-﫿]+|[a-z0-9]+(?:[._'-][a-z0-9]+)*")
_CHINESE = re.compile(r"[㐀-鿿豈-﫿]+")


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("tw2sp")


@cache
def _taught() -> bool:
    for word in TRADE:
        rjieba.add_word(word, _WEIGHT, "n")
    return True


def plain(text: str) -> str:
    """Simplified Chinese, lower case."""
    return str(_simplifier().convert(text)).lower()


def words(text: str) -> list[str]:
    """Words in their order: Chinese ones as a search would ask for them, others as they are, with their parts."""
    _taught()
    found: list[str] = []
    for run in _RUN.findall(plain(text)):
        if _CHINESE.fullmatch(run):
            found.extend(rjieba.cut_for_search(run))
        else:
            found.append(run)
            parts = re.split(r"[._'-]", run)
            if len(parts) > 1:
                found.extend(part for part in parts if part)
    return found


def pairs(text: str) -> list[str]:
    """Each two neighbouring Chinese signs, so that every two-sign word is found however the dictionary cuts; a lone
    sign stands for itself.
    """
    found: list[str] = []
    for run in _CHINESE.findall(plain(text)):
        found.extend(run[start : start + 2] for start in range(max(1, len(run) - 1)))
    return found
