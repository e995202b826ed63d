"""Bytes → text: the encoding judged by all that stands there, and what no encoding explains marked where it stands."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Sequence
from typing import Final

import pyarrow as pa

# Put where bytes are no text. A noncharacter: no text holds it, and `save` turns it into a fault of its cell.
DAMAGED: Final = "\ufdd0"


_HANDLER: Final = "riskmap.damaged"


_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


_BIG5: Final = "big5hkscs"  # with the letters of Hong Kong


# GB 18030 holds all of GB 2312 and GBK; what programs call them by.
_WIDER: Final = {
    **dict.fromkeys(("gb2312", "gbk", "cp936", "hz"), "gb18030"),
    **dict.fromkeys(("big5", "cp950"), _BIG5),
    "ascii": "utf-8",
}


_CODE_PAGES: Final = {"936": "gb18030", "950": _BIG5, "65001": "utf-8", "54936": "gb18030"}


# Letters of scripts that no list of an office in China is written in: what a wrong encoding makes of its bytes.
_FOREIGN: Final = re.compile(
    r"[\x80-\xa0\xaa\xb5\xba\xc0-\xd6\xd8-\xf6\xf8-\u02ff\u0300-\u036f\u0400-\u1fff\ue000-\uf8ff]"
)


_LETTERS: Final = re.compile(r"[^\x00-\x7f]")


# Encoding → first bytes of the letters that its standard calls common: texts of any office are written in them.
_COMMON: Final = {"gb18030": range(0xB0, 0xD8), _BIG5: range(0xA4, 0xC7)}


# What no text of a table holds: controls but for tab and line ends, and what the wrong half of UTF-16 makes of ASCII.
_NO_WIDE_TEXT: Final = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffd-\uffff\ue000-\uf8ff]|[\u0100-\u1fff]{3}"
)


_SURE: Final = 0.9  # share of the letters that are common where the encoding is right


_WRONG: Final = 0.7  # and where it is not, less than this


_FEWEST: Final = 4  # letters that tell an encoding


_NO_LETTERS: Final = re.compile(r"[\x00-\x7f\u2000-\u303f\uff00-\uffef]")


_MOST_LINES: Final = (
    5000  # that are compared, spread over the file: whichever is chosen, all of it is decoded
)


_CUT: Final = 3  # bytes that a field of a fixed width may have lost of its last character


def _mark(problem: UnicodeError) -> tuple[str, int]:
    if not isinstance(problem, UnicodeDecodeError):
        raise problem
    return DAMAGED, problem.end


codecs.register_error(_HANDLER, _mark)


def encoding_named(name: str) -> str | None:
    """Return the codec of a name as files state it (GBK, 936, ANSI 936, UTF-8), None where Python has none."""
    plain = name.strip().lower()
    digits = re.sub(r"^(?:ansi|oem|cp|windows|ms)[\s_-]*", "", plain)
    try:
        found = codecs.lookup(_CODE_PAGES.get(digits, plain)).name
    except LookupError:
        return None
    return _WIDER.get(found, found)


def decode(data: bytes, stated: str | None = None) -> tuple[str, str]:
    """Return the text of a file and its encoding: as its mark or `stated` says where that fits, else UTF-8, GB 18030 or Big5.

    Bytes that do not fit become `DAMAGED`; of two encodings that both do not fit, the one with fewer of them.
    """
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, _HANDLER), encoding
    if (wide := wide_without_mark(data)) is not None:
        return data.decode(wide, _HANDLER), wide
    named = stated and encoding_named(stated)
    for encoding in dict.fromkeys(filter(None, (named, "utf-8"))):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError:
            continue
    # One bad byte makes UTF-8 no GB 18030, though that takes most pairs of bytes: the lines as a whole decide.
    found = likeliest(_lines(data), (named,) if named else ())
    return data.decode(found, _HANDLER), found


def _lines(data: bytes) -> list[bytes]:
    lines = [line for line in data.split(b"\n") if not line.isascii()]
    return lines[:: max(1, len(lines) // _MOST_LINES)]


def wide_without_mark(data: bytes) -> str | None:
    """Return which UTF-16 a text without a mark is in, None where it is in none: it has zeros, and reads well.

    Zeros stand beside ASCII only (separators, digits): the more Chinese a table is, the fewer.
    """
    head = data[: min(len(data), 4000) // 2 * 2]
    if b"\x00" not in head:
        return None
    for encoding in ("utf-16-le", "utf-16-be"):
        text = head.decode(encoding, "replace")[:-1]  # a pair may be cut at the end
        if ("\n" in text or text.startswith(("{", "[", "<"))) and not _NO_WIDE_TEXT.search(text):
            return encoding
    return None


def likeliest(texts: Iterable[bytes], stated: Sequence[str] = ()) -> str:
    """Return the encoding that the texts as a whole are in; each may have lost the end of its last character.

    Where most of their letters are UTF-8 they all are, since those of another encoding hardly ever make any. Else
    counted: what does not fit, then letters that a list of ours does not hold; of equals what is `stated` goes
    before GB 18030. Big5, whose bytes are hardly ever refused as GB 18030, is told by the letters that are common
    in either. Where they say nothing (ASCII), what is stated, else UTF-8.
    """
    odd = [text for text in dict.fromkeys(texts) if not text.isascii()]
    names = [name for each in stated if (name := encoding_named(each))]
    if not odd:
        return next(iter(names), "utf-8")
    as_utf8 = "".join(fixed_width(text, "utf-8") for text in odd)
    bad, foreign = as_utf8.count(DAMAGED), len(_FOREIGN.findall(as_utf8))
    native = len(_LETTERS.findall(as_utf8)) - bad - foreign
    if native > bad + foreign or ("utf-8" in names and native + foreign > bad):
        return "utf-8"
    candidates = dict.fromkeys([*names, "gb18030", "utf-8"])
    best = min(candidates, key=lambda each: _misfit(odd, each))
    return _BIG5 if best == "gb18030" and _is_big5(odd) else best


def _is_big5(texts: Sequence[bytes]) -> bool:
    return _share_of_common(texts, _BIG5) >= _SURE and _share_of_common(texts, "gb18030") < _WRONG


def _share_of_common(texts: Sequence[bytes], encoding: str) -> float:
    """Return which share of the letters of texts are common ones of an encoding; what is damaged is none."""
    letters = _NO_LETTERS.sub("", "".join(fixed_width(text, encoding) for text in texts))
    coded = (letter.encode(encoding, "replace") for letter in letters)
    common = sum(len(code) > 1 and code[0] in _COMMON[encoding] for code in coded)
    return common / len(letters) if len(letters) >= _FEWEST else 0.0


def _misfit(texts: Sequence[bytes], encoding: str) -> tuple[int, int]:
    found = [fixed_width(text, encoding) for text in texts]
    return sum(DAMAGED in text for text in found), sum(len(_FOREIGN.findall(text)) for text in found)


def fixed_width(text: bytes, encoding: str) -> str:
    """Return a text of a field of a fixed width, without the rest of a character that was cut at its end."""
    try:
        return text.decode(encoding)
    except UnicodeDecodeError as problem:
        if problem.start >= len(text) - _CUT and problem.reason in {
            "unexpected end of data",
            "incomplete multibyte sequence",
        }:
            return text[: problem.start].decode(encoding)
    return text.decode(encoding, _HANDLER)


def decoded_columns(
    columns: Sequence[pa.ChunkedArray], stated: Sequence[str] = ()
) -> tuple[list[pa.ChunkedArray], str]:
    """Return columns of bytes as text in the encoding that all of them together are in, and that encoding."""
    encoded = [column.combine_chunks().dictionary_encode() for column in columns]
    pools = [_pool(one) for one in encoded]
    encoding = likeliest((text for pool in pools for text in pool), stated)
    texts = [
        pa.DictionaryArray.from_arrays(
            one.indices, pa.array([fixed_width(text, encoding) for text in pool], pa.string())
        )
        for one, pool in zip(encoded, pools, strict=True)
    ]
    return [pa.chunked_array([one.cast(pa.string())]) for one in texts], encoding


def _pool(column: pa.DictionaryArray) -> list[bytes]:
    return column.dictionary.to_pylist()
