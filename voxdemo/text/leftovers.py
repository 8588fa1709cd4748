"""What programs and chats leave in a text, which nobody would read aloud.

Line ends written with a backslash, tags for other voices, marks of chat models, numbers of footnotes, and faces made of
signs. Knows how these look, and nothing of Markdown, of HTML's own tags or of voices.
"""

import re
from functools import partial

from voxdemo.text import markup


def taken_out(text: str) -> tuple[str, tuple[str, ...]]:
    """`text` without what programs and chats left in it, and what that was, each once and in order.

    What is only written in another way (escaped line ends, "&amp;lt;") is put right and not among it. Linear in
    practice; never raises.
    """
    text = _DEEPER_ENTITY.sub("&", _unescaped(text))
    found: list[str] = []
    text = _without_thoughts(text, found)
    text = _without_tags(_TAG_IN_ENTITIES.sub(_as_tag, text), found)
    for pattern, kept_behind in _MARKS:
        text = pattern.sub(partial(_left_of, kept_behind, found), text)
    return text, tuple(dict.fromkeys(found))


def encodable(text: str) -> str:
    """`text` with a question mark for each half of a surrogate pair, which UTF-8 can't encode."""
    return text.encode(errors="replace").decode()


def _left_of(kept_behind: frozenset[str], found: list[str], match: re.Match[str]) -> str:
    """The word before a mark, without the mark, unless the word makes that part of the sentence."""
    word = match.groupdict().get("word") or ""
    if word.lower() in kept_behind:
        return match[0]
    found.append(" ".join(match["mark"].split()))
    return word


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Written in another way

_WORD = re.compile(r"(\s+)")
_PATH = re.compile(r"[\"'(\[]*(?:[A-Za-z]:\\|\\\\[\w.-]+\\|\.{1,2}\\|[\w.-]+(?:\\[\w.-]+)+\.\w{1,5}\b)")
_OTHER_ESCAPE = re.compile(r"\\(?![nrt]|u[0-9a-fA-F]{4})[A-Za-z0-9]")
_LATEX = re.compile(r"\\(?:nabla|neq?|not|notin|nu|rho|right|rightarrow|tau|tan|text\w*|theta|times|tilde|to|top)\b")
_ESCAPE = re.compile(r"\\{1,2}(?:([nrt])|u([0-9a-fA-F]{4})|([\"'/]))")
_WHITE = {"n": "\n", "r": "\n", "t": " "}
_SURROGATES = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_DEEPER_ENTITY = re.compile(r"&(?:amp;)+(?=(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});)")
_TAG_IN_ENTITIES = re.compile(
    r"(?:&lt;|&#60;|&#x3[cC];)(/?[a-zA-Z][\w:-]{0,40}(?:\s[^<>\n]{0,200}?)?\s?/?)(?:&gt;|&#62;|&#x3[eE];)"
)


def _unescaped(text: str) -> str:
    """`text` with the line ends, tabs, quotes and letters that JSON writes with a backslash; paths stay as they are."""
    if "\\" not in text:
        return text
    text = "".join(_ESCAPE.sub(_character, word) if _is_escaped(word) else word for word in _WORD.split(text))
    return _SURROGATES.sub(lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text)


def _is_escaped(word: str) -> bool:
    return "\\" in word and not (_PATH.match(word) or _OTHER_ESCAPE.search(word) or _LATEX.search(word))


def _character(escape: re.Match[str]) -> str:
    return _WHITE[escape[1]] if escape[1] else chr(int(escape[2], 16)) if escape[2] else escape[3]


def _as_tag(match: re.Match[str]) -> str:
    inner = match[1].replace("&quot;", '"').replace("&#34;", '"').replace("&apos;", "'").replace("&#39;", "'")
    return f"<{inner}>" if "&" not in inner else match[0]


# Tags

_THOUGHTS = ("think", "thinking", "reasoning")
_VOICE_TAGS = _table(
    "speak break prosody emphasis say-as voice phoneme lang audio paragraph sentence bookmark lexicon silence pause "
    "think thinking reasoning answer response bos eos pad unk mask sep cls"
)
"""Of SSML (W3C, version 1.1), of screens' voices and of chat models; with these names a tag needs no closing one."""


def _without_thoughts(text: str, found: list[str]) -> str:
    """`text` without what a chat model thought before it answered, unless that is all there is."""
    for name in _THOUGHTS:
        if f"</{name}>" in text:
            left = markup.without_element(text, name)
            if left != text and any(map(str.isalnum, left)):
                found.append(f"<{name}>…</{name}>")
                text = left
    return text


def _without_tags(text: str, found: list[str]) -> str:
    if "<" not in text:
        return text
    closed = {match["name"].lower() for match in markup.TAG.finditer(text) if match["close"]}

    def left(match: re.Match[str]) -> str:
        name = match["name"].lower()
        is_foreign = not markup.is_html(name) and bool(
            match["empty"] or "=" in match["attributes"] or name in closed or name in _VOICE_TAGS
        )
        if is_foreign:
            found.append(match[0])
        return "" if is_foreign else match[0]

    return markup.TAG.sub(left, text)


# Marks

_REFERRING = _table(
    "in see of from by per ref refs reference references note notes source sources and or with to as than figure fig "
    "table step item number option chapter page section equation type choose press key index array list row"
)
"""Before "[1]" these make it a word of the sentence."""
_MEASURES = _table(
    "feet foot meter meters metre metres inch inches yard yards mile miles kilometer kilometers kilometre kilometres "
    "centimeter centimeters acre acres sinh cosh tanh"
)
"""Before a raised figure these make it a power."""


_NUMBERS = r"\[[1-9]\d{0,2}(?:(?:, ?|[-–])\d{1,3})*\](?![(:])"
_REMARKS = (
    r"citation needed|clarification needed|better source needed|verification needed|failed verification|dubious|edit|"
    r"original research\?|according to whom\?|by whom\?|when\?|who\?|where\?"
)
"""Of Wikipedia's editors."""
_RAISED = "[¹²³⁰⁴-⁹]"
_EYES = (
    r"\^[_.o-]{0,3}\^;?|-_{1,3}-|>[_.]{1,3}[<>]|<\.<|[T;QYq]_{1,3}[T;QYq]|T\.T|;-;|[oO0]_{1,3}[oO0]|o\.O|O\.o"
    r"|[uUxX@=~*$¬n]_{1,3}[uUxX@=~*$¬n]"
)
_SMILE = r"[:;]['’]?-?[)(DPpO|/\\*\[\]]{1,3}|>?:['’]?-?[)(]|=[DP)(]|[xX]-?D|8-[)D]|</3"
_HANDS = r"[ヽ\\¯╯╭╮٩ᕙᕦ＼ノ凸┐┌ლ乁ʅƪ⊂づっつﾉ┻━︵彡☆ฅ/_~-]{0,8}"
_FACE = r"[^()A-Za-z0-9\n]{0,20}[°□◕‿ಠ•ᴥ﹏´｀▽✿≧≦∀益ʖᗒᗜᵔ･ω][^()A-Za-z0-9\n]{1,20}|ツ"
_WHEREVER: frozenset[str] = frozenset()
_MARKS = tuple(
    (re.compile(pattern, re.MULTILINE), kept_behind)
    for pattern, kept_behind in (
        # Of chats
        (r"(?P<mark><\|(?:im_start|start_header_id|start)\|>[ \n]?)(?:system|user|assistant|tool|model)?", _WHEREVER),
        (r"(?P<mark><start_of_turn>)(?:user|model)?", _WHEREVER),
        (r"(?P<mark><\|[^|<>\n]{1,40}\|>|<｜[^｜<>\n]{1,40}｜>|<end_of_turn>|\[/?INST\]|<</?SYS>>)", _WHEREVER),
        (r"(?P<mark>【[^【】\n]{0,30}†[^【】\n]{0,60}】|\ue200[^\ue200\ue201]{0,200}\ue201)", _WHEREVER),
        (r"(?P<mark>:contentReference\[oaicite:\d+\]\{index=\d+\}|\[oaicite:\d+\])", _WHEREVER),
        (r"(?P<mark>(?:\bcite)?\bturn\d+(?:search|view|news|image)\d+)", _WHEREVER),
        (r"\A\s*(?P<mark>\*{0,2}Assistant:\*{0,2})(?=\s)(?![\s\S]*^[>#* \t]{0,8}(?:User|Human|You):)", _WHEREVER),
        (r"^[ \t]{0,8}(?P<mark>ChatGPT said:|You said:|Copy code)[ \t]{0,8}$", _WHEREVER),
        # Of footnotes
        (rf"(?<=[.,;:!?)”\"’'])(?P<mark>(?:{_NUMBERS}|\[[a-z]\]|\(\d{{1,2}}\)(?=\s|$))+)", _WHEREVER),
        (
            rf"(?P<word>\b[^\W\d_]{{3,30}})(?P<mark> ?(?:{_NUMBERS})(?: ?{_NUMBERS})*)"
            r"(?=[\s.,;:!?)”\"]|$)(?! *[=(+*/;{\[])",
            _REFERRING,
        ),
        (
            rf"(?P<word>\d(?: ?(?:%|°?[A-Za-zµ]{{1,2}}))?)(?P<mark> ?(?:{_NUMBERS})(?: ?{_NUMBERS})*)"
            r"(?=[\s.,;:!?)”\"]|$)(?! *[=(+*/;{\[])",
            _WHEREVER,
        ),
        (rf"(?P<mark> ?\[(?i:{_REMARKS})\])", _WHEREVER),
        (rf"(?<=[.,;:!?”\")’])(?P<mark>{_RAISED}+)", _WHEREVER),
        (rf"(?P<word>\b[^\W\d_]{{4,30}})(?P<mark>{_RAISED}+)(?!\w)", _MEASURES),
        # Faces
        (rf"(?P<mark>{_HANDS}\((?:{_EYES}|{_FACE})\){_HANDS}(?: ?{_HANDS}┻━┻)?)", _WHEREVER),
        (r"(?P<mark>ʕ[^ʕʔ\n]{1,8}ʔ|ಠ_*ಠ|┻━┻|\\o/)", _WHEREVER),
        (rf"(?<!\S)(?P<mark>{_EYES}|{_SMILE})(?=\s|[.,!?]|$)", _WHEREVER),
    )
)
"""What is left out, and behind which words it stays."""
