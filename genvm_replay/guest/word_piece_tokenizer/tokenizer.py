"""WordPiece: the longest known beginning of a word, then the longest known continuations.

The rules are those of BERT's uncased models (Devlin et al. 2018): text is cleaned, put in lower case and stripped of
accents; punctuation and Chinese characters are words of their own.
"""

import functools
import typing
import unicodedata

VOCABULARY: typing.Final = __file__.rpartition("/")[0] + "/vocab.txt"
UNKNOWN, START, END = "[UNK]", "[CLS]", "[SEP]"
CONTINUATION: typing.Final = "##"
WORD_LENGTH_MAX: typing.Final = 100  # characters; a longer word is unknown

_CHINESE: typing.Final = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_ASCII_PUNCTUATION: typing.Final = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


class WordPieceTokenizer:
    """Turns texts into the numbers of their tokens."""

    def __init__(self) -> None:
        self._numbers = _vocabulary()

    def tokenize(self, text: str) -> list[int]:
        """Give the tokens of a text, between those that mark its start and its end."""
        pieces = [START, *(piece for word in _words(text) for piece in self._pieces(word)), END]
        return [self._numbers[piece] for piece in pieces]

    def _pieces(self, word: str) -> list[str]:
        if len(word) > WORD_LENGTH_MAX:
            return [UNKNOWN]
        pieces: list[str] = []
        start = 0
        while start < len(word):
            mark = CONTINUATION if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self._numbers), None)
            if end is None:
                return [UNKNOWN]
            pieces.append(mark + word[start:end])
            start = end
        return pieces


@functools.cache
def _vocabulary() -> dict[str, int]:
    with open(VOCABULARY, "rb") as file:
        lines = file.read().decode().split("\n")
    return {line: number for number, line in enumerate(lines) if line}


def _words(text: str) -> list[str]:
    marked = "".join(_spaced(character) for character in text)
    words = [_without_accents(word.lower()) for word in marked.split()]
    return "".join(_separated(character) for word in words for character in (*word, " ")).split()


def _spaced(character: str) -> str:
    """Drop what can't be seen, put spaces around Chinese characters."""
    if character in "\t\n\r" or unicodedata.category(character) == "Zs":
        return " "
    if character == "\ufffd" or unicodedata.category(character).startswith("C"):
        return ""
    code = ord(character)
    return f" {character} " if any(low <= code <= high for low, high in _CHINESE) else character


def _without_accents(word: str) -> str:
    return "".join(
        character
        for character in unicodedata.normalize("NFD", word)
        if unicodedata.category(character) != "Mn"
    )


def _separated(character: str) -> str:
    """Put spaces around punctuation."""
    if character in _ASCII_PUNCTUATION or unicodedata.category(character).startswith("P"):
        return f" {character} "
    return character
