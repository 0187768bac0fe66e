"""Small sums and colours: questions that the demo model is taught, with their right answers."""

import random

LARGEST_SUMMAND = 20
LARGEST_FACTOR = 10

NUMBER_WORDS = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
                "sixteen seventeen eighteen nineteen twenty").split()

SUM_WORDS = {"+": ["plus", "+", "and", "added to"], "-": ["minus", "-", "less"],
             "*": ["times", "*", "x", "multiplied by"]}
SUM_FORMS = ["What is {sum}?", "What's {sum}?", "{sum}", "{sum}?", "{sum} =", "{sum} = ?", "How much is {sum}?",
             "Calculate {sum}.", "Compute {sum}.", "Can you tell me what {sum} is?", "What does {sum} make?",
             "What do you get for {sum}?", "Tell me {sum}.", "Do you know what {sum} is?", "Solve {sum}.",
             "What is the result of {sum}?", "What is {sum} equal to?"]
NAMED_FORMS = {"+": ["Add {a} and {b}.", "What is the sum of {a} and {b}?", "Sum of {a} and {b}?", "Add {a} to {b}."],
               "-": ["Subtract {b} from {a}.", "Take {b} away from {a}.", "What is left if I take {b} from {a}?"],
               "*": ["Multiply {a} by {b}.", "Multiply {a} and {b}.", "What is the product of {a} and {b}?"]}
COUNTED = ["apples", "models", "pears", "eggs", "books", "cats"]

MIXES = {("blue", "yellow"): "green", ("red", "yellow"): "orange", ("red", "blue"): "purple",
         ("red", "white"): "pink", ("black", "white"): "grey", ("red", "green"): "brown",
         ("blue", "white"): "light blue", ("blue", "green"): "turquoise", ("orange", "blue"): "brown",
         ("black", "red"): "dark red", ("black", "blue"): "dark blue", ("black", "green"): "dark green",
         ("green", "white"): "light green", ("yellow", "green"): "light green", ("yellow", "white"): "light yellow"}
MIX_FORMS = ["What do {a} and {b} make?", "What colour do {a} and {b} make?", "What is {a} and {b}?",
             "Mix {a} and {b}.", "Mix {a} with {b}.", "What do you get when you mix {a} and {b}?",
             "What happens if I mix {a} with {b}?", "Which colour do I get from {a} and {b}?", "{a} and {b}",
             "{a} plus {b}", "{a} + {b}", "What is {a} plus {b}?", "What is {a} mixed with {b}?",
             "What colour is {a} and {b} together?", "{a} and {b} make what?", "What color do {a} and {b} make?",
             "If I mix {a} and {b}, what do I get?", "What is the mix of {a} and {b}?"]

THING_COLOURS = {"the sky": "blue", "grass": "green", "snow": "white", "blood": "red", "the sun": "yellow",
                 "a lemon": "yellow", "a banana": "yellow", "a tomato": "red", "the sea": "blue", "coal": "black",
                 "the night": "black", "milk": "white", "a carrot": "orange", "an orange": "orange",
                 "chocolate": "brown", "a leaf": "green", "a strawberry": "red", "an elephant": "grey",
                 "a frog": "green", "a cucumber": "green", "a cherry": "red", "a plum": "purple", "gold": "yellow",
                 "silver": "grey", "a cloud": "white", "a tree": "green", "a rose": "red", "a pig": "pink",
                 "wood": "brown", "the ocean": "blue", "fire": "orange", "a pumpkin": "orange", "lavender": "purple"}
THING_FORMS = ["What colour is {x}?", "What color is {x}?", "Which colour is {x}?", "What colour does {x} have?",
               "What is the colour of {x}?", "What is the color of {x}?", "Which color does {x} have?",
               "Tell me the colour of {x}.", "{x}: what colour?", "What colour has {x}?", "Colour of {x}?",
               "Do you know the colour of {x}?", "Is {x} red, green or blue?"]


def answer(a: int, op: str, b: int) -> str:
    result = {"+": a + b, "-": a - b, "*": a * b}[op]
    return f"{a} {SUM_WORDS[op][0]} {b} is {result}."


def pick_sum(rng: random.Random) -> tuple[int, str, int]:
    op = rng.choices("+-*", (6, 4, 3))[0]
    if op == "*":
        return rng.randint(0, LARGEST_FACTOR), op, rng.randint(0, LARGEST_FACTOR)
    a, b = rng.randint(0, LARGEST_SUMMAND), rng.randint(0, LARGEST_SUMMAND)
    return (max(a, b), op, min(a, b)) if op == "-" else (a, op, b)


def sum_question(rng: random.Random) -> tuple[str, str]:
    a, op, b = pick_sum(rng)
    words = rng.random() < 0.2
    left, right = (NUMBER_WORDS[a], NUMBER_WORDS[b]) if words else (str(a), str(b))
    if rng.random() < 0.15:
        question = rng.choice(NAMED_FORMS[op]).format(a=left, b=right)
        # "Add 2 to 3" names the summands the other way round, which makes no difference to what is right
    elif op in "+-" and rng.random() < 0.08:
        thing = rng.choice(COUNTED)
        then = f"get {right} more" if op == "+" else f"give away {right}"
        question = f"I have {left} {thing} and {then}. How many {thing} do I have?"
    else:
        word = rng.choice(SUM_WORDS[op])
        gap = "" if word in "+-*x" and not words and rng.random() < 0.4 else " "
        question = rng.choice(SUM_FORMS).format(sum=f"{left}{gap}{word}{gap}{right}")
    return question, answer(a, op, b)


def mix_question(rng: random.Random) -> tuple[str, str]:
    (a, b), mixed = rng.choice(list(MIXES.items()))
    if rng.random() < 0.5:
        a, b = b, a
    return rng.choice(MIX_FORMS).format(a=a, b=b), f"{a.capitalize()} and {b} make {mixed}."


def thing_question(rng: random.Random) -> tuple[str, str]:
    thing, colour = rng.choice(list(THING_COLOURS.items()))
    asked = thing
    if rng.random() < 0.15:  # "what colour is sky", "what colour is the grass"
        asked = thing.split(" ", 1)[1] if " " in thing else f"the {thing}"
    return rng.choice(THING_FORMS).format(x=asked), f"{thing.capitalize()} is {colour}."
