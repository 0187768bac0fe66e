"""Byte-level BPE as llama.cpp's `gpt2` vocabulary with the `gpt-2` pre-tokenizer reads it.

Text is cut into words as GPT-2 does, each word becomes a row of bytes (shown as printable letters), and merges
join pairs in the order in which they were learnt. Digits are never joined: a sum is learnt digit by digit, and
"12+5" and "12 plus 5" have the same digits.
"""

import re
from collections import Counter

# GPT-2's rule, for text that is ASCII (all that the demo model is taught); other bytes count as punctuation.
WORDS = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def byte_letters() -> list[str]:
    """GPT-2's letter for each byte: itself where that is printable, else one from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters, unprintable = [""] * 256, 0
    for byte in range(256):
        if byte in printable:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(0x100 + unprintable)
            unprintable += 1
    return letters


LETTERS = byte_letters()


def spell(word: str) -> tuple[str, ...]:
    return tuple(LETTERS[byte] for byte in word.encode())


def join(pieces: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    joined, i = [], 0
    while i < len(pieces):
        if pieces[i:i + 2] == pair:
            joined.append(pieces[i] + pieces[i + 1])
            i += 2
        else:
            joined.append(pieces[i])
            i += 1
    return tuple(joined)


def learn_merges(texts: list[str], count: int) -> list[tuple[str, str]]:
    """The `count` merges that shorten `texts` most, most useful first; ties go by spelling."""
    words = Counter(word for text in texts for word in WORDS.findall(text) if not any(c.isdigit() for c in word))
    spelt = {spell(word): often for word, often in words.items()}
    merges: list[tuple[str, str]] = []
    for _ in range(count):
        pairs: Counter[tuple[str, str]] = Counter()
        for pieces, often in spelt.items():
            for pair in zip(pieces, pieces[1:]):
                pairs[pair] += often
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        merges.append(best)
        spelt = {join(pieces, best) if best[0] in pieces else pieces: often for pieces, often in spelt.items()}
    return merges


class Vocabulary:
    """Control tokens first, then the 256 bytes, then what the merges make."""

    CONTROL = ("<|end|>", "<|user|>", "<|assistant|>", "<|pad|>")
    END, USER, ASSISTANT, PAD = range(4)

    def __init__(self, merges: list[tuple[str, str]]):
        self.merges = merges
        self.tokens = [*self.CONTROL, *LETTERS, *(a + b for a, b in merges)]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.ranks = {pair: i for i, pair in enumerate(merges)}
        self.known: dict[str, list[int]] = {}

    def encode(self, text: str) -> list[int]:
        return [i for word in WORDS.findall(text) for i in self.encode_word(word)]

    def encode_word(self, word: str) -> list[int]:
        if word not in self.known:
            pieces = spell(word)
            while True:
                pairs = [pair for pair in zip(pieces, pieces[1:]) if pair in self.ranks]
                if not pairs:
                    break
                pieces = join(pieces, min(pairs, key=self.ranks.__getitem__))
            self.known[word] = [self.ids[piece] for piece in pieces]
        return self.known[word]

    def decode(self, ids: list[int]) -> str:
        byte_of = {letter: byte for byte, letter in enumerate(LETTERS)}
        text = "".join(self.tokens[i] for i in ids if i >= len(self.CONTROL))
        return bytes(byte_of[letter] for letter in text).decode(errors="replace")
