"""Draws one question and answer, and varies how the question is written: case, stops, politeness, slips."""

import random
import re

from demo import facts, puzzles

BEFORE = ["Please, ", "Hello, ", "Hi! ", "Hey, ", "Hi, ", "Hello! ", "Tell me, ", "Tell me: ", "Can you tell me: ",
          "I have a question: ", "Question: ", "So, ", "And ", "OK, ", "Well, ", "Could you tell me, ",
          "I would like to know: ", "Now, ", "Just curious, ", "Quick question: ", "Rouse, "]
AFTER = [" please", ", please", " thanks", " Thanks!", " exactly", " again", " then", " in short", " briefly",
         " really"]
SYNONYMS = {"memory": ["RAM", "VRAM", "space", "memory space"], "graphics card": ["GPU", "video card", "card"],
            "evicted": ["thrown out", "kicked out", "pushed out", "removed", "dropped"],
            "evict": ["throw out", "remove"],
            "machine": ["computer", "PC", "server"], "requests": ["clients", "people", "users", "calls"],
            "What is": ["What's", "Whats", "What exactly is", "Define", "Tell me what is", "I wonder what is"],
            "Explain": ["Please explain", "Can you explain", "Describe", "Tell me about", "Define"],
            "Tell me about": ["What about", "I want to know about", "What do you know about", "Talk about"],
            "How do I": ["How can I", "How to", "How do you", "How does one", "How could I", "How should I"],
            "How does": ["How exactly does", "In what way does"],
            "What happens": ["What will happen", "What does Rouse do"],
            "at once": ["at the same time", "together", "simultaneously"], "Which": ["What"],
            "many": ["a lot of", "lots of"],
            "two": ["2", "several", "three"], "a hundred": ["100", "50", "a thousand"], "start": ["launch", "boot"],
            "unload": ["release"], "Does Rouse": ["Does it", "Can Rouse"], "loaded": ["in memory", "running"],
            "my": ["a", "the"], "does Rouse": ["does it", "do you", "will Rouse"],
            "Rouse": ["the daemon", "this", "it"]}
SMALL_WORDS = {"the", "a", "is", "do", "does", "me", "can", "you", "of", "to", "are", "what", "how"}
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def slip(text: str, rng: random.Random) -> str:
    """One slip of the keyboard: a letter missing, doubled, swapped with its neighbour, or another one."""
    places = [i for i in range(1, len(text) - 1) if text[i].isalpha() and text[i + 1].isalpha()]
    if not places:
        return text
    i = rng.choice(places)
    kind = rng.randrange(4)
    if kind == 0:
        return text[:i] + text[i + 1:]
    if kind == 1:
        return text[:i] + text[i] + text[i:]
    if kind == 2:
        return text[:i] + text[i + 1] + text[i] + text[i + 2:]
    return text[:i] + rng.choice(LETTERS) + text[i + 1:]


def reword(question: str, rng: random.Random) -> str:
    found = [word for word in SYNONYMS if re.search(rf"\b{word}\b", question)]
    if not found:
        return question
    word = rng.choice(found)
    return re.sub(rf"\b{word}\b", rng.choice(SYNONYMS[word]), question, count=1)


def drop_word(question: str, rng: random.Random) -> str:
    words = question.split(" ")
    small = [i for i, word in enumerate(words) if word.lower() in SMALL_WORDS]
    if len(words) < 4 or not small:
        return question
    del words[rng.choice(small)]
    return " ".join(words)


def vary(question: str, rng: random.Random, slips: bool) -> str:
    if slips and rng.random() < 0.06:
        question = drop_word(question, rng)
    if rng.random() < 0.12:
        before = rng.choice(BEFORE)
        question = before + (question[0].lower() + question[1:] if rng.random() < 0.7 else question)
    if rng.random() < 0.35:
        question = question.rstrip("?.! ")
    if rng.random() < 0.06:
        question = question.rstrip("?.! ") + rng.choice(AFTER) + rng.choice(["", "?", "."])
    elif rng.random() < 0.05:
        question = question.rstrip("?.! ") + rng.choice(["??", " ?", "!", ".", "..."])
    if slips and rng.random() < 0.07:
        question = slip(question, rng)
    style = rng.random()
    if style < 0.35:
        return question.lower()
    if style < 0.42:
        return question.upper()
    if style < 0.46:
        return question.title()
    if style < 0.60:
        return question[0].upper() + question[1:]
    return question


def draw(rng: random.Random) -> tuple[str, str]:
    """One question as somebody might type it, and its answer."""
    kind = rng.random()
    slips = True
    if kind < 0.45:
        answer, questions = rng.choice(facts.FACTS)
        question = rng.choice(questions)
        while rng.random() < 0.25:
            question = reword(question, rng)
    elif kind < 0.72:
        question, answer = puzzles.sum_question(rng)
        slips = False  # a slip in "six" may read as another number
    elif kind < 0.76:
        question, answer = puzzles.mix_question(rng)
    elif kind < 0.81:
        question, answer = puzzles.thing_question(rng)
    elif kind < 0.87:
        answer, questions = rng.choice(facts.SMALL_TALK)
        question = rng.choice(questions)
    else:
        thing, other = rng.sample(facts.THINGS, 2)
        question, answer = rng.choice(facts.OUT_OF_SCOPE).format(thing=thing, other=other), facts.DONT_KNOW
    return vary(question, rng, slips), answer
