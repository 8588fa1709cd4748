"""How figures and signs are read in Japanese.

Numbers are written in numerals, which haqumei, the reader of Japanese, pronounces with the counters behind them. What
it takes for something else is written in kana: three, six and eight minutes by themselves, which it reads as parts of
ten ("bu"), and a lone 800, which it reads as a surname.
"""

from voxdemo.text.spoken.cjk import Table

JAPANESE = Table(
    code="ja",
    minus="マイナス",
    plus="プラス",
    less="ひく",
    to="から",
    version="点",
    part="{lower}分の{upper}",
    and_="と",
    clock=("{h}時{m}分", "{h}時{m}分", "{h}時"),
    duration="{h}時間{m}分{s}秒",
    digits="ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー",
    code_digits="ゼロ イチ ニー サン ヨン ゴー ロク ナナ ハチ キュー",
    joint="の、",
    phones=(r"(?<=〒)\d{3}-\d{4}", r"0\d{1,4}-\d{1,4}-\d{3,4}", r"0[5789]0\d{8}", r"0[5789]0 \d{4} \d{4}"),
    currencies={
        "EUR": "ユーロ", "USD": "ドル", "GBP": "ポンド", "JPY": "円", "BRL": "レアル", "CNY": "元",
        "CHF": "スイスフラン",
    },
    units={
        "°C": "{}度", "ºC": "{}度", "℃": "{}度", "° C": "{}度", "kWh": "{}キロワットアワー", "dB": "{}デシベル",
        "Mbps": "{}メガビーピーエス", "h": "{}時間",
    },
    fixed={
        r"(?<=\d)\^(-?\d{1,3})": r"の\1乗",
        r"(?<=日)[(（]([月火水木金土日])[)）]": r"、\1曜日",
        r"110番": "ひゃくとお番",
        r"119番": "ひゃくじゅうきゅう番",
        r"(?<![\d.,時])3分(?!の)": "さんぷん",
        r"(?<![\d.,時])6分(?!の)": "ろっぷん",
        r"(?<![\d.,時])8分(?!の)": "はっぷん",
        r"(?<![\d.,])800(?=[でがはをにと。、]|$)": "はっぴゃく",
        r"(?<=月)0?1日": "ついたち",
        r"No\. ?1(?!\d)": "ナンバーワン",
        r"No\. ?(?=\d)": "ナンバー",
    },
    signs={
        "〒": "郵便番号",
        "&": "アンド", "＆": "アンド", "@": "アットマーク", "+": "たす", "=": "イコール", "×": "かける", "÷": "わる",
        "±": "プラスマイナス",
        "≈": "約", "≠": "ノットイコール", "<": "小なり", ">": "大なり", "≤": "以下", "≥": "以上", "%": "パーセント",
        "％": "パーセント",
        "€": "ユーロ", "$": "ドル", "£": "ポンド", "¥": "円", "￥": "円", "°": "度", "№": "ナンバー", "#": "シャープ",
        "²": "の二乗",
        "³": "の三乗", "∶": "対",
    },
    web={
        ".": "ドット", "@": "アットマーク", "/": "スラッシュ", "-": "ハイフン", "_": "アンダーバー", ":": "コロン",
        "?": "はてな",
        "=": "イコール", "&": "アンド", "#": "シャープ", "%": "パーセント", "+": "プラス", "~": "チルダ",
    },
)  # fmt: skip
