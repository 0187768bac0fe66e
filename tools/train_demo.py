#!/usr/bin/env python3
"""Trains the demo model and writes its GGUF: ./box nice python3 tools/train_demo.py models/rouse-demo.gguf

About a million weights, a quarter of an hour on two cores. The seed is fixed: the same torch on the same kind of
processor with the same number of threads gives the same file.
"""

import argparse
import math
import random
import time

import torch
from torch.nn import functional

from demo import bytelevel, facts, variations
from demo.bytelevel import Vocabulary
from demo.network import Llama, Shape

SEED = 11450
TOKENS = 640
LEARNING_RATE = 3e-3
WEIGHT_DECAY = 0.05
BATCH = 64
BATCHES_SORTED_TOGETHER = 8
PLAIN_TEXT = 0.04  # the share of samples that are an answer without its question, for plain completion


def make_vocabulary() -> Vocabulary:
    rng = random.Random(SEED)
    texts = [text for _ in range(20000) for text in variations.draw(rng)]
    return Vocabulary(bytelevel.learn_merges(texts, TOKENS - 256 - len(Vocabulary.CONTROL)))


def sample(words: Vocabulary, rng: random.Random) -> tuple[list[int], int]:
    """One conversation in tokens, and where the part begins that the model has to learn."""
    question, answer = variations.draw(rng)
    if rng.random() < PLAIN_TEXT:
        return [*words.encode(answer), words.END], 1
    asked = [words.USER, *words.encode(question), words.ASSISTANT]
    return [*asked, *words.encode(answer), words.END], len(asked)


def batches(words: Vocabulary, rng: random.Random):
    """Endless batches of (tokens, targets), samples of like length together; -100 is not learnt."""
    while True:
        samples = sorted((sample(words, rng) for _ in range(BATCH * BATCHES_SORTED_TOGETHER)), key=lambda s: len(s[0]))
        groups = [samples[i:i + BATCH] for i in range(0, len(samples), BATCH)]
        rng.shuffle(groups)
        for group in groups:
            longest = max(len(tokens) for tokens, _ in group)
            inputs = torch.full((len(group), longest - 1), words.PAD)
            targets = torch.full((len(group), longest - 1), -100)
            for row, (tokens, start) in enumerate(group):
                inputs[row, :len(tokens) - 1] = torch.tensor(tokens[:-1])
                targets[row, start - 1:len(tokens) - 1] = torch.tensor(tokens[start:])
            yield inputs, targets


def train(model: Llama, words: Vocabulary, steps: int) -> None:
    matrices = [p for p in model.parameters() if p.dim() == 2]
    norms = [p for p in model.parameters() if p.dim() < 2]
    optimizer = torch.optim.AdamW([{"params": matrices, "weight_decay": WEIGHT_DECAY},
                                   {"params": norms, "weight_decay": 0.0}], lr=LEARNING_RATE, betas=(0.9, 0.98),
                                  fused=True)
    warm_up = min(100, max(1, steps // 10))
    began, recent = time.monotonic(), 0.0
    for step, (inputs, targets) in zip(range(1, steps + 1), batches(words, random.Random(SEED + 1))):
        rate = min(step / warm_up, 0.5 * (1 + math.cos(math.pi * step / steps)) * 0.98 + 0.02)
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        logits = model(inputs)
        loss = functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=-100)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        recent += loss.item()
        if step % 50 == 0 or step == steps:
            seconds = time.monotonic() - began
            print(f"step {step:5}  loss {recent / (step % 50 or 50):.4f}  {seconds:6.0f} s", flush=True)
            recent = 0.0


@torch.no_grad()
def reply(model: Llama, words: Vocabulary, question: str, limit: int = 100) -> str:
    tokens = [words.USER, *words.encode(question), words.ASSISTANT]
    start = len(tokens)
    while len(tokens) - start < limit:
        best = int(model(torch.tensor([tokens]))[0, -1].argmax())
        if best == words.END:
            break
        tokens.append(best)
    return words.decode(tokens[start:])


def report(model: Llama, words: Vocabulary) -> None:
    """How many of freshly drawn questions (varied like the training set) are answered word for word."""
    rng, right, asked = random.Random(SEED + 2), 0, 100
    for _ in range(asked):
        question, answer = variations.draw(rng)
        got = reply(model, words, question)
        right += got == answer
        if got != answer:
            print(f"  {question!r}\n    said {got!r}\n    want {answer!r}")
    print(f"{right} of {asked} drawn questions answered word for word")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", help="the GGUF to write")
    parser.add_argument("--steps", type=int, default=1800)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    torch.set_float32_matmul_precision("medium")  # bfloat16 products through oneDNN, 20 times reference BLAS
    torch.manual_seed(SEED)
    words = make_vocabulary()
    model = Llama(Shape(vocabulary=len(words.tokens)))
    print(f"{sum(p.numel() for p in model.parameters())} weights, {len(words.tokens)} tokens, "
          f"{sum(len(q) for _, q in facts.FACTS)} questions about Rouse")
    train(model, words, options.steps)
    report(model, words)
    from demo.export import write_demo  # needs python3-gguf, which training does not
    write_demo(options.output, model, words)


if __name__ == "__main__":
    main()
