"""Verdicts and notes of comparisons in Korean, as far as their sentences are known."""

from __future__ import annotations

import re

ALONE = "; on this test set alone "
UNDECIDED = "undecided: "

# A sentence as `modnet compare` writes it, whole, and what it is in Korean; the longest of a beginning comes first.
CLAIMS = {
    r"(.+) is better": "{0} 쪽이 낫습니다",
    r"(.+) has the smaller error": "{0} 쪽의 오차가 더 작습니다",
    r"practically equal": "실질적으로 같습니다",
    r"undecided: ([\d,]+) samples cannot show less than (\S+)": (
        "판정 보류: 샘플 {0}개로는 {1}보다 작은 차이를 알 수 없습니다"
    ),
    r"undecided: scores so rounded cannot show less than (\S+)": (
        "판정 보류: 이렇게 반올림한 점수로는 {0}보다 작은 차이를 알 수 없습니다"
    ),
    r"undecided: it takes (\d+) seeds": "판정 보류: 시드가 {0}개는 있어야 합니다",
    r"undecided after (\d+) seeds": "판정 보류: 시드 {0}개로는 판정할 수 없습니다",
    r"undecided: (\d+) seeds decide with less than (\d+ %)": "판정 보류: 시드 {0}개로 판정될 확률은 {1} 미만입니다",
    r"undecided: (\d+) seeds decide with more than (\d+ %)": "판정 보류: 시드 {0}개로 판정될 확률은 {1}보다 큽니다",
    r"undecided: (\d+) seeds decide with (\d+ %)": "판정 보류: 시드 {0}개로 판정될 확률은 {1}입니다",
}
NOTES = {
    r"(\d+) seeds?, ([\d,]+) test samples; ± is the standard deviation between seeds\.": (
        "시드 {0}개, 시험 샘플 {1}개입니다. ±는 시드 간 표준편차입니다."
    ),
    r"(\d+) seeds?; ± is the standard deviation between them\.": "시드 {0}개입니다. ±는 시드 간 표준편차입니다.",
    r"A verdict takes the hits or errors of samples\.": "판정에는 샘플마다의 정답 여부나 오차가 필요합니다.",
    r"Intervals are over seeds and test samples\.": "구간은 시드와 시험 샘플 모두에 대한 것입니다.",
    r"A verdict is for all seeds and new samples like these; it falls after ([\d, .]+) seeds\.": (
        "판정은 모든 시드와 이와 같은 새 샘플에 대한 것이며, 시드 {0}개 뒤에 내려집니다."
    ),
    (
        r"Of 100 comparisons, however many pairs there are and however often one looks, 5 at most say wrongly that "
        r"something is better, and 5 that something is practically equal: that (?:accuracies|errors|errors \(1 - R²\)) "
        r"differ by less than (\S+)\."
    ): (
        "쌍이 몇 개이고 몇 번을 들여다보든, 비교 100번 가운데 낫다는 잘못된 판정은 많아야 5번, 실질적으로 같다는 "
        "(차이가 {0}보다 작다는) 잘못된 판정도 많아야 5번입니다."
    ),
    r"Settings may differ on samples that are too rare to be among ([\d,]+), whatever the seeds\.": (
        "샘플 {0}개에 들어 있지 않을 만큼 드문 샘플에서는 시드와 관계없이 설정들이 다를 수 있습니다."
    ),
    (
        r"For new samples these can show equality within (\S+) at best, not within (\S+): choose a larger ROPE "
        r"\(--rope\), or more test samples\."
    ): (
        "새 샘플에 대해서는 기껏해야 {0} 안에서 같다고 할 수 있고 {1} 안에서는 그럴 수 없습니다. "
        "더 큰 ROPE(--rope)를 쓰거나 시험 샘플을 늘리세요."
    ),
    r"Runs that collapsed \(they diverged, or are far below the others of their setting\): (.+?)\.(?= |$)": (
        "붕괴한 실행(발산했거나 같은 설정의 다른 실행보다 훨씬 낮은 실행): {0}."
    ),
    r"Where none of (\d+) did, up to (\d+ %) of all seeds still may \(95 % bound for each setting\)\.": (
        "{0}개 가운데 하나도 붕괴하지 않은 설정이라도, 모든 시드의 {1}까지는 붕괴할 수 있습니다(설정마다 95 % 한계)."
    ),
    r"Intervals and verdicts do not allow for collapses that no run has shown\.": (
        "구간과 판정은 어느 실행에서도 나타나지 않은 붕괴를 고려하지 않습니다."
    ),
    r"Accepted, though differences may come from it: not all runs have the same (.+)\.": (
        "차이의 원인일 수 있지만 받아들였습니다. 모든 실행에서 같지는 않은 것: {0}."
    ),
}


def translate_verdict(text: str) -> str:
    """Return a verdict in Korean, or as it is where it is no known one.

    >>> translate_verdict("hidden 50 is better")
    'hidden 50 쪽이 낫습니다'
    """
    general, alone, here = text.partition(ALONE)
    found = _find_claim(general)
    if not alone or found is None:
        return found or text
    # on its own it is as it stands, or without the word that begins the first
    there = _find_claim(UNDECIDED + here) or _find_claim(here)
    return f"{found}; 이 시험 데이터만 보면 {there.removeprefix('판정 보류: ')}" if there else text


def _find_claim(text: str) -> str | None:
    for pattern, words in CLAIMS.items():
        if found := re.fullmatch(pattern, text):
            return words.format(*found.groups())
    return None


def translate_note(text: str) -> str | None:
    """Return a note in Korean, sentence by sentence; None where one of these is not known.

    >>> translate_note("5 seeds; ± is the standard deviation between them.")
    '시드 5개입니다. ±는 시드 간 표준편차입니다.'
    """
    found, rest = list[str](), text.strip()
    while rest:
        matches = ((re.match(pattern, rest), words) for pattern, words in NOTES.items())
        match, words = next(((match, words) for match, words in matches if match), (None, ""))
        if match is None:
            return None
        found.append(words.format(*match.groups()))
        rest = rest[match.end() :].lstrip()
    return " ".join(found)
