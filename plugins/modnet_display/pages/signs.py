"""Signs of a bad run, and reasons of what is lacking, in Korean."""

from __future__ import annotations

import re
from collections.abc import Mapping

from modnet_display.html import Html, element
from modnet_display.pages.words import say_each

_NAMES = {"test": "시험", "validation": "검증", "accuracy": "정확도", "r2": "R²"}

# A sentence as `modnet train` writes it of a run, whole, and what it is in Korean.
SIGNS = {
    r"the run diverged": "실행이 발산했습니다",
    r"only (\d+) iterations": "반복이 {0}회뿐입니다",
    r"(test|validation) (accuracy|r2) is not above (\S+), which a constant answer has": (
        "{0} {1}가 늘 같은 답을 할 때의 {2}보다 높지 않습니다"
    ),
    r"([\d,]+) classes of numbers, nearly one for each sample": "클래스 {0}개가 모두 수이고, 거의 샘플마다 하나입니다",
    r"scales of features lie apart by a factor of ([\d,]+)": "특징들의 크기가 {0}배까지 다릅니다",
    r"the loss rose from (\S+) to (\S+)": "손실이 {0}에서 {1}(으)로 커졌습니다",
    r"the loss did not fall: (\S+), in the end (\S+)": "손실이 줄지 않았습니다: 처음에 {0}, 끝에 {1}",
    r"the loss fell to (\S+), then rose to (\S+)": "손실이 {0}까지 줄었다가 {1}(으)로 커졌습니다",
    r"layer (\d+)( \(.+\))?: (\d+) % of its units are saturated": "층 {0}{1}: 유닛의 {2} %가 포화되었습니다",
    r"layer (\d+)( \(.+\))?: (\d+) % of its units are dead": "층 {0}{1}: 유닛의 {2} %가 죽었습니다",
    r"only the class (.+) is predicted": "클래스 {0}만 예측합니다",
    r"never predicted: (.+)": "한 번도 예측하지 않은 클래스: {0}",
    r"try (.+)": "{0} 옵션을 써 보세요",
    r"the features may not tell more": "특징으로는 더 알 수 없을지도 모릅니다",
}
# The reasons of callbacks to stop a run, and the usual errors of runs and their data; all else is said as it is.
REASONS = {
    r"(\S+) was best at iteration ([\d,]+), (\S+), (\d+) epochs ago": (
        "{3}에폭 전, {1}번째 반복에서 {0} 값이 {2}(으)로 가장 좋았습니다"
    ),
    r"(\S+) was best at iteration ([\d,]+), (\S+), an epoch ago": (
        "한 에폭 전, {1}번째 반복에서 {0} 값이 {2}(으)로 가장 좋았습니다"
    ),
    r"the training loss fell by less than (\S+) in each of (\d+) epochs": (
        "{1}에폭 동안 매번 학습 손실이 {0}보다 적게 줄었습니다"
    ),
    r"(\S+) seconds are over": "{0}초가 지났습니다",
    r"the run's data was given in Python, and no file has it: resume it there, from (\S+), or name other data": (
        "데이터를 Python에서 주었고 파일에는 없습니다. 그 프로그램에서 {0}(으)로 이어서 하거나 다른 데이터를 지정하세요"
    ),
    r"(.+): the data has changed since it was trained: (.+)": "{0}: 학습한 뒤에 데이터가 바뀌었습니다: {1}",
    r"(.+): no such file": "{0}: 파일이 없습니다",
    r"(.+): no such file: restore it from a copy, or train the run again": (
        "{0}: 파일이 없습니다. 사본에서 되돌리거나 다시 학습하세요"
    ),
    r"(.+) is not as the run left it: (.+?)( \(missing\))?; restore it from a copy, or train the run again: (.+)": (
        "{0}: {1} 파일이 없거나 바뀌었습니다. 사본에서 되돌리거나 다시 학습하세요: {3}"
    ),
    r"(.+): there is no receipt\.json: made by an older modnet, or not a run: train it again, (.+)": (
        "{0}: receipt.json 파일이 없습니다. 오래된 modnet이 만들었거나 실행이 아닙니다. 다시 학습하세요: {1}"
    ),
    r"there is no (\S+)": "{0} 파일이 없습니다",
    r"there are no samples": "샘플이 없습니다",
    r"a plot needs an extra that is not installed: (.+)": "그림에 필요한 추가 기능이 설치되어 있지 않습니다: {0}",
}


def translate(text: str, known: Mapping[str, str]) -> str | None:
    """Return a sentence in Korean; None where it is no known one.

    >>> translate("the loss rose from 2.3 to 5.1", SIGNS)
    '손실이 2.3에서 5.1(으)로 커졌습니다'
    """
    for pattern, words in known.items():
        if found := re.fullmatch(pattern, text, re.DOTALL):
            return words.format(*(_NAMES.get(group or "", group or "") for group in found.groups()))
    return None


def say_sign(problem: object, remedy: object) -> Html:
    """Return a sign of a bad run, and what to try, in both languages; in English where one of them is unknown."""
    english = f"{problem}: {remedy}"
    korean = [translate(str(each), SIGNS) for each in (problem, remedy)]
    return _say(english, None if None in korean else f"{korean[0]}: {korean[1]}")


def say_reason(why: str) -> Html:
    """Return why something is lacking in both languages; in English where the reason is unknown.

    >>> say_reason("there are no samples")
    '<span class="w" lang="en">there are no samples</span><span class="w" lang="ko">샘플이 없습니다</span>'
    """
    return _say(why, translate(why, REASONS))


def _say(english: str, korean: str | None) -> Html:
    return element("span", english, lang="en") if korean is None else say_each({"en": english, "ko": korean})
