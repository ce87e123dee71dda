"""The words of the pages, in English and Korean."""

from __future__ import annotations

from collections.abc import Mapping

from modnet_display.html import Html, element, escape, join

LANGUAGES = ("en", "ko")

WORDS: dict[str, tuple[str, str]] = {
    # the shell
    "skip": ("To the content", "본문으로"),
    "contents": ("Contents", "차례"),
    "settings": ("Language and colors", "언어와 색"),
    "dark": ("Dark", "어둡게"),
    "copy": ("Copy", "복사"),
    "copied": ("Copied", "복사했습니다"),
    "made by": (
        "Made by modnet. This file asks nothing of any network; it can be sent and opened as it is.",
        "modnet이 만든 파일입니다. 네트워크에 접속하지 않으며, 그대로 보내고 열 수 있습니다.",
    ),
    "wide": ("Table or picture that may be wider than the window", "창보다 넓을 수 있는 표나 그림"),
    "sort": ("A click on a heading sorts by that column.", "열 제목을 누르면 그 열로 정렬합니다."),
    # status
    "finished": ("finished", "완료"),
    "interrupted": ("interrupted", "중단됨"),
    "diverged": ("diverged", "발산"),
    "failed": ("failed", "실패"),
    "running": ("not ended", "끝나지 않음"),
    "says finished": ("It made all of its {made} iterations.", "{made}회 반복을 모두 마쳤습니다."),
    "says stopped": (
        "It was stopped after {made} of {wanted} iterations: {reason}.",
        "{wanted}회 중 {made}회 반복 뒤에 멈췄습니다: {reason}.",
    ),
    "says interrupted": (
        "It was interrupted after {made} of {wanted} iterations. What follows is what it had learned until then.",
        "{wanted}회 중 {made}회 반복 뒤에 중단되었습니다. 아래는 그때까지 학습한 내용입니다.",
    ),
    "says diverged": (
        (
            "It diverged after {made} of {wanted} iterations: the loss was no longer a finite number. "
            "What follows is of the last parameters with a finite loss."
        ),
        (
            "{wanted}회 중 {made}회 반복 뒤에 발산했습니다. 손실이 유한한 수가 아니게 되었습니다. "
            "아래는 손실이 유한했던 마지막 매개변수의 결과입니다."
        ),
    ),
    "says failed": (
        "It failed after {made} of {wanted} iterations.",
        "{wanted}회 중 {made}회 반복 뒤에 실패했습니다.",
    ),
    "says running": (
        "It has not ended, or was killed: {made} of {wanted} iterations were saved.",
        "아직 끝나지 않았거나 강제로 종료되었습니다. {wanted}회 중 {made}회 반복이 저장되어 있습니다.",
    ),
    "no iterations": (
        "It made no iteration that was saved: what follows is of its initial parameters.",
        "저장된 반복이 없습니다. 아래는 초기 매개변수의 결과입니다.",
    ),
    # names of sections
    "run": ("Run {name}", "실행 {name}"),
    "run of": ("Run: {name}", "실행: {name}"),
    "trained": ("What was trained, and on what", "무엇을 어떤 데이터로 학습했나"),
    "curves": ("How it learned", "학습 과정"),
    "results": ("Results", "결과"),
    "classes": ("Each class", "클래스별 결과"),
    "confusion": ("Which class is taken for which", "어떤 클래스를 무엇으로 잘못 보았나"),
    "residuals": ("Predictions and errors", "예측과 오차"),
    "weights": ("Weights of the first layer", "첫 층의 가중치"),
    "mistakes": ("The most confident mistakes", "가장 확신하고 틀린 것"),
    "errors": ("The largest errors", "가장 큰 오차"),
    "activations": ("Activations through the layers", "층별 활성화 값"),
    "boundary": ("Decision boundary", "결정 경계"),
    "surface": ("Predictions in the plane of the features", "특징 평면 위의 예측"),
    "gradients": ("Size of the gradient in each layer", "층별 기울기의 크기"),
    "receipt": ("Receipt, and how to repeat it", "기록과 다시 해 보는 방법"),
    "lacking": ("What this page cannot show", "이 페이지가 보여 주지 못하는 것"),
    # tiles and facts
    "status": ("status", "상태"),
    "baseline": ("baseline", "기준선"),
    "seconds": ("seconds", "초"),
    "iterations": ("iterations", "반복"),
    "data": ("Data", "데이터"),
    "samples": ("Samples", "샘플"),
    "features": ("Features", "특징"),
    "labels": ("Classes", "클래스"),
    "targets": ("Targets", "목푯값"),
    "network": ("Network", "신경망"),
    "parameters": ("Parameters", "매개변수"),
    "loss": ("Loss", "손실"),
    "gradient": ("Gradient", "기울기"),
    "optimizer": ("Optimizer", "옵티마이저"),
    "training": ("Training", "학습"),
    "callbacks": ("Callbacks", "콜백"),
    "layers": ("Layers and their shapes", "층과 모양"),
    "seed": ("seed", "시드"),
    "fingerprint": ("Fingerprint of the data", "데이터 지문"),
    "batches": (
        "{iterations} mini-batches of {size} ({sampling})",
        "크기 {size} 미니배치 {iterations}개 ({sampling})",
    ),
    "replacement": ("drawn with replacement", "복원 추출"),
    "shuffle": ("shuffled epochs", "에폭마다 섞음"),
    "divided": ("{features}, divided by {scale}", "{features}, {scale}(으)로 나눔"),
    "experiment": ("The whole experiment (TOML)", "실험 전체 (TOML)"),
    "part": ("{count} {name}", "{name} {count}"),
    "train": ("training", "학습"),
    "test": ("test", "시험"),
    "validation": ("validation", "검증"),
    # results
    "lead accuracy": (
        "It recognises {share} of {count} {part} samples. Always answering {label} would be right for {baseline}.",
        "{part} 샘플 {count}개 중 {share}를 맞혔습니다. 항상 {label}(이)라고 답하면 {baseline}를 맞힙니다.",
    ),
    "lead regression": (
        "R² is {r2} on {count} {part} samples: 0 is what the mean alone would have, 1 is perfect.",
        "{part} 샘플 {count}개에서 R²는 {r2}입니다. 평균만 답하면 0, 완벽하면 1입니다.",
    ),
    "on training": (
        "There is no test part, so it is measured on the samples that it was trained on.",
        "시험 데이터가 없어서 학습에 쓴 샘플로 측정했습니다.",
    ),
    "first samples": (
        "This is of the first {count} of {all} samples.",
        "샘플 {all}개 중 처음 {count}개의 결과입니다.",
    ),
    "chosen parameters": (
        "A callback chose the parameters of an earlier evaluation; results are of these.",
        "콜백이 앞선 평가의 매개변수를 골랐으며, 결과는 그 매개변수의 것입니다.",
    ),
    "metrics caption": ("The metrics at the end", "끝났을 때의 지표"),
    "metric": ("metric", "지표"),
    "loss fell": (
        "The loss of mini-batches went from {first} to {last} in {made} iterations.",
        "미니배치의 손실은 {made}회 반복 동안 {first}에서 {last}(으)로 바뀌었습니다.",
    ),
    "metrics ended": ("At the end: {values}.", "끝났을 때: {values}."),
    "metric accuracy": ("accuracy", "정확도"),
    "metric balanced accuracy": ("balanced accuracy", "균형 정확도"),
    "metric log loss": ("log loss", "로그 손실"),
    "metric loss": ("loss", "손실"),
    "metric macro F1": ("macro F1", "매크로 F1"),
    "signs": ("Signs that it did not learn well, and what to try", "잘 학습하지 못한 징후와 시도해 볼 것"),
    "confusion caption": (
        (
            "A row is a true class, a column what it was taken for. Blue is right, orange is wrong; "
            "the stronger the color, the larger the share of the row."
        ),
        (
            "행은 정답 클래스, 열은 예측한 클래스입니다. 파랑은 맞은 것, 주황은 "
            "틀린 것이며 행에서 차지하는 비율이 클수록 진합니다."
        ),
    ),
    "confused": (
        "{right} of {all} are right ({share}).",
        "{all}개 중 {right}개가 맞았습니다 ({share}).",
    ),
    "most confused": (
        "Most often {true} was taken for {predicted}: {times}.",
        "{true}을(를) {predicted}(으)로 본 경우가 {times}번으로 가장 많습니다.",
    ),
    "none wrong": ("None is wrong.", "틀린 것이 없습니다."),
    "class": ("class", "클래스"),
    "precision": ("precision", "정밀도"),
    "recall": ("recall", "재현율"),
    "f1": ("F1", "F1"),
    "rows": ("samples", "샘플"),
    "mean of classes": ("mean of the classes", "클래스 평균"),
    "always": ("baseline: always {label}", "기준선: 항상 {label}"),
    "classes caption": (
        (
            "Precision is the share that is right among what is called so; recall is the share of a class that "
            "is found. "
            "The baseline always answers the largest class, and has an accuracy of {baseline}."
        ),
        (
            "정밀도는 그 클래스라고 한 것 중 맞은 비율, 재현율은 그 클래스 중 찾아낸 비율입니다. "
            "기준선은 항상 가장 큰 클래스로 답하며 정확도는 {baseline}입니다."
        ),
    ),
    "weakest": (
        "The lowest recall is {low}, of {label}.",
        "재현율이 가장 낮은 클래스는 {label}({low})입니다.",
    ),
    "weights image": (
        "Each image is a unit: red where a brighter pixel raises its sum, blue where it lowers it.",
        "그림 하나가 유닛 하나입니다. 픽셀이 밝을수록 합이 커지는 곳은 빨강, 작아지는 곳은 파랑입니다.",
    ),
    "weights color": (
        "Each image is a unit: the color of a pixel is that which raises its sum most, and grey is 0.",
        "그림 하나가 유닛 하나입니다. 픽셀의 색은 유닛의 합을 가장 키우는 색이고, 회색은 0입니다.",
    ),
    "weights table": (
        "A row is a feature, a column a unit: red raises the unit's sum, blue lowers it.",
        "행은 특징, 열은 유닛입니다. 빨강은 유닛의 합을 키우고 파랑은 줄입니다.",
    ),
    "weights range": (
        "{name} has {count} weights, from {low} to {high}.",
        "{name}의 가중치는 {count}개이며 {low}에서 {high} 사이입니다.",
    ),
    "mistaken": (
        "{wrong} of {all} are wrong.",
        "{all}개 중 {wrong}개가 틀렸습니다.",
    ),
    "most confident": (
        "The most confident one is {true}, taken for {predicted} with {score}.",
        "가장 확신하고 틀린 것은 {true}을(를) {score}(으)로 {predicted}(이)라고 한 것입니다.",
    ),
    "mistakes caption": (
        "Each has its true class, what it was taken for, and how certain that was.",
        "각각 정답, 예측한 클래스, 그리고 확신한 정도입니다.",
    ),
    "largest error": (
        "The largest error is in row {row}: {true} is true, {predicted} was predicted.",
        "가장 큰 오차는 {row}행에 있습니다. 참값은 {true}, 예측값은 {predicted}입니다.",
    ),
    "activations caption": (
        (
            "How the outputs of each layer are spread over its units and samples. Outputs that are all alike, "
            "or all at the ends of a sigmoid, let no gradient through."
        ),
        (
            "각 층의 출력이 유닛과 샘플에 걸쳐 어떻게 퍼져 있는지 보여 줍니다. 출력이 "
            "모두 비슷하거나 시그모이드의 양 끝에 몰려 있으면 "
            "기울기가 흐르지 않습니다."
        ),
    ),
    "boundary caption": (
        (
            "The color is the class that is predicted there, the paler, the less certain. Points are samples; "
            "those that are taken for another class have a ring."
        ),
        (
            "색은 그 자리에서 예측하는 클래스이며 확신이 적을수록 옅습니다. 점은 "
            "샘플이고, 잘못 예측한 샘플에는 고리가 있습니다."
        ),
    ),
    "surface caption": (
        "The color is the prediction there, and that of a point what is true.",
        "색은 그 자리의 예측이고 점의 색은 참값입니다.",
    ),
    "gradients caption": (
        (
            "A dot is the root mean square of the entries, a line goes from the 5th percentile of their sizes to "
            "the 95th. "
            "Where it is far smaller in the first layers than in the last, these hardly learn."
        ),
        (
            "점은 기울기 성분의 제곱평균제곱근이고, 선은 크기의 5백분위수에서 95백분위수까지입니다. "
            "앞쪽 층에서 훨씬 작으면 그 층은 거의 학습하지 않습니다."
        ),
    ),
    "gradient sizes": ("Root mean squares: {sizes}.", "제곱평균제곱근: {sizes}."),
    "residuals caption": (
        (
            "On the line, a prediction is what is true. Beside it is what is left over: without a pattern, "
            "the network has found what there is to find."
        ),
        "선 위에서는 예측이 참값과 같습니다. 그 옆은 잔차입니다. 무늬가 없으면 찾을 수 있는 것을 모두 찾은 것입니다.",
    ),
    "residuals spread": (
        "The errors have a mean of {mean} and a standard deviation of {std}; the targets one of {targets}.",
        "오차의 평균은 {mean}, 표준편차는 {std}이며, 목푯값의 표준편차는 {targets}입니다.",
    ),
    "residuals spread of": (
        "The errors of {name} have a mean of {mean} and a standard deviation of {std}; the targets one of {targets}.",
        "{name}: 오차의 평균은 {mean}, 표준편차는 {std}이며, 목푯값의 표준편차는 {targets}입니다.",
    ),
    # receipt
    "receipt says": (
        "The receipt holds what the run was made of. If all is the same, it can be repeated to the last bit.",
        "기록에는 실행을 이루는 모든 것이 있습니다. 모두 같다면 마지막 비트까지 똑같이 다시 할 수 있습니다.",
    ),
    "no receipt": (
        'It is not saved, and so has no receipt: run.save("FOLDER") writes one.',
        '저장하지 않아 기록이 없습니다. run.save("FOLDER")가 기록을 남깁니다.',
    ),
    "no receipt file": (
        "Its receipt cannot be read: {why}.",
        "기록을 읽을 수 없습니다: {why}.",
    ),
    "digest of parameters": ("Parameters (SHA-256)", "매개변수 (SHA-256)"),
    "libraries": ("Libraries", "라이브러리"),
    "made on": ("Made on", "환경"),
    "entry": ("entry", "항목"),
    "value": ("value", "값"),
    "commands": ("Commands", "명령"),
    "commands say": (
        "They are for the folder in which this page was made.",
        "이 페이지를 만든 폴더에서 실행하는 명령입니다.",
    ),
    "verify": ("Train it again, and compare every bit of the result:", "다시 학습해 결과를 비트 단위로 비교하기:"),
    "repeat": ("Train the same experiment into another folder:", "같은 실험을 다른 폴더에 학습하기:"),
    "resume": ("Continue it:", "이어서 학습하기:"),
    "in python": ("Open it in Python:", "Python에서 열기:"),
    "data in python": (
        "Its data was given in Python, and is in no file: only that program can repeat it.",
        "데이터를 Python에서 주었으므로 파일에 없습니다. 그 프로그램만 다시 할 수 있습니다.",
    ),
    # what is lacking
    "no data": (
        "Its data cannot be used here, so there is no confusion matrix, and no other picture of samples: {why}.",
        "데이터를 쓸 수 없어 혼동 행렬 등 샘플이 필요한 그림이 없습니다: {why}.",
    ),
    "no network": (
        "Its network cannot be read here, so there is no picture of it: {why}.",
        "신경망을 읽을 수 없어 신경망의 그림이 없습니다: {why}.",
    ),
    "not drawn": ("This picture could not be made: {why}.", "이 그림을 만들 수 없습니다: {why}."),
    "not measured": ("This could not be measured: {why}.", "측정할 수 없습니다: {why}."),
    # several runs
    "runs": ("{count} runs", "실행 {count}개"),
    "runs title": ("Runs beside each other", "실행 비교"),
    "runs caption": ("Each run with its last values.", "각 실행의 마지막 값입니다."),
    "runs curves": ("Their curves", "학습 곡선"),
    "runs curves caption": (
        "A color is a run, or the mean and the range of those that differ by their seed alone.",
        "색 하나가 실행 하나이거나, 시드만 다른 실행들의 평균과 범위입니다.",
    ),
    "name": ("run", "실행"),
    "too many runs": (
        "These are too many for each to be shown in full here: {command} does so.",
        "모두 자세히 보여 주기에는 실행이 너무 많습니다. 실행 하나는 {command}(으)로 볼 수 있습니다.",
    ),
    # comparison
    "comparison": ("Comparison {name}", "비교 {name}"),
    "comparison of": ("Comparison of {count} settings", "설정 {count}개 비교"),
    "verdicts": ("Verdicts", "판정"),
    "settings title": ("Settings", "설정"),
    "comparison lead": (
        "{settings} settings, each trained with {seeds} seeds and tested on {samples} samples.",
        "설정 {settings}개를 각각 시드 {seeds}개로 학습하고 샘플 {samples}개로 시험했습니다.",
    ),
    "comparison lead alone": (
        "{settings} settings, each trained with {seeds} seeds.",
        "설정 {settings}개를 각각 시드 {seeds}개로 학습했습니다.",
    ),
    "settings caption": (
        (
            "A dot is a run. The thick line is the {level} interval of the mean over seeds, the thin one over "
            "seeds and "
            "test samples like these."
        ),
        (
            "점 하나가 실행 하나입니다. 굵은 선은 시드에 대한 평균의 {level} "
            "신뢰구간, 가는 선은 시드와 시험 샘플 모두에 대한 구간입니다."
        ),
    ),
    "pairs caption": (
        (
            "The difference of two settings with its {level} interval. The band is what counts as no difference in "
            "practice: less than {rope}."
        ),
        (
            "두 설정의 차이와 {level} 신뢰구간입니다. 띠는 실질적으로 차이가 "
            "없다고 보는 범위로, {rope}보다 작은 차이입니다."
        ),
    ),
    "pairs caption alone": (
        "The difference of two settings with its {level} interval.",
        "두 설정의 차이와 {level} 신뢰구간입니다.",
    ),
    "first settings": ("These are the first {count} of {all} settings.", "설정 {all}개 중 처음 {count}개입니다."),
    "first pairs": ("These are the first {count} of {all} pairs.", "쌍 {all}개 중 처음 {count}개입니다."),
    "every run": ("every run, mean, interval", "모든 실행, 평균, 구간"),
    "interval": ("interval", "구간"),
    "mean": ("mean", "평균"),
    "deviation": ("± between seeds", "시드 간 ±"),
    "lowest": ("lowest", "최저"),
    "highest": ("highest", "최고"),
    "accuracy": ("test accuracy", "시험 정확도"),
    "error": ("test error", "시험 오차"),
    "r2": ("test R²", "시험 R²"),
    "training of": ("training", "학습"),
    "collapsed": ("collapsed", "붕괴"),
    "first": ("ahead", "앞선 설정"),
    "second": ("behind", "뒤진 설정"),
    "difference": ("difference", "차이"),
    "verdict": ("verdict", "판정"),
    "majority": (
        "Always answering the largest class has an accuracy of {baseline}.",
        "항상 가장 큰 클래스로 답하면 정확도는 {baseline}입니다.",
    ),
    "strip": (
        "{name}: mean {mean}; runs {runs}",
        "{name}: 평균 {mean}, 실행 {runs}",
    ),
    "difference strip": ("difference {mean}, interval {low} to {high}", "차이 {mean}, 구간 {low}부터 {high}까지"),
    "one seed": (
        "A single seed says nothing about others, so there are no intervals.",
        "시드가 하나이면 다른 시드에 대해 알 수 없어 구간이 없습니다.",
    ),
    "no verdicts": ("There are no verdicts.", "판정이 없습니다."),
    "not compared": (
        "The comparison has not ended, so there are no verdicts yet: {command} goes on with it.",
        "비교가 끝나지 않아 아직 판정이 없습니다. {command}(으)로 이어서 합니다.",
    ),
    "notes": ("What the verdicts mean", "판정의 뜻"),
    "show run": ("A page of one of its runs:", "실행 하나의 페이지:"),
    "compare again": ("Add seeds, or see the tables in the terminal:", "시드를 더하거나 터미널에서 표 보기:"),
    "repeat title": ("How to go on", "이어서 하려면"),
    "no curves": ("There are no curves of its runs here: {why}.", "실행의 학습 곡선이 없습니다: {why}."),
    "interval of": ("{level} interval", "{level} 신뢰구간"),
    "curves of": ("Curves of {names}", "{names}의 곡선"),
    "unsaved": ("not saved", "저장하지 않음"),
    "given": ("given in Python", "Python에서 준 데이터"),
    "largest classes": (
        "These are the {count} largest of {all} classes.",
        "클래스 {all}개 중 샘플이 많은 {count}개입니다.",
    ),
    "lead accuracy alone": (
        "Its {part} accuracy is {share}; always answering the largest class has {baseline}.",
        "{part} 정확도는 {share}이고, 항상 가장 큰 클래스로 답하면 {baseline}입니다.",
    ),
    "notes language": ("As modnet compare says it:", "modnet compare가 설명하는 내용입니다."),
}


def tell(key: str, language: str, /, **values: object) -> str:
    """Return words in a language as text, with values in their places; `Html` among these is not for it.

    >>> tell("run", "ko", name="demo")
    '실행 demo'
    """
    return WORDS[key][LANGUAGES.index(language)].format(**values)


def say_each(texts: Mapping[str, object]) -> Html:
    """Return a text in each language as HTML, of which a page shows one."""
    return join(element("span", texts[each], class_="w", lang=each) for each in LANGUAGES)


def say(key: str, /, **values: object) -> Html:
    """Return words in both languages as HTML, of which a page shows one; values are escaped unless they are HTML.

    >>> say("run", name="<b>")
    '<span class="w" lang="en">Run &lt;b&gt;</span><span class="w" lang="ko">실행 &lt;b&gt;</span>'
    """
    safe = {name: escape(value) for name, value in values.items()}
    words = (Html(escape(text).format(**safe)) for text in WORDS[key])
    return say_each(dict(zip(LANGUAGES, words, strict=True)))
