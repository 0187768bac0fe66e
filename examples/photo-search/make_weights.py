#!/usr/bin/env python3
"""make_weights.py FOLDER: FOLDER/clip and blip, with random weights, small, of the real architectures; the same bytes each
time."""

import sys
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (BertTokenizer, BlipConfig, BlipForConditionalGeneration, BlipImageProcessor, BlipProcessor, CLIPConfig,
                          CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast)

WORDS = "a the photo picture of red green blue yellow dog cat house car tree on with and sky sea".split()
SMALL = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
EYES = {"image_size": 64, "patch_size": 16, **SMALL}


def clip_tokenizer() -> PreTrainedTokenizerFast:
    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=end))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(WORDS, trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[start, end],
        end_of_word_suffix="</w>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=[(start, 0), (end, 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=end, unk_token=end,
                                   model_max_length=77)


def make_clip(folder: Path) -> None:
    tokenizer = clip_tokenizer()
    text = {"vocab_size": len(tokenizer), "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1, **SMALL}
    CLIPModel(CLIPConfig(text_config=text, vision_config=EYES, projection_dim=32)).save_pretrained(folder)
    CLIPProcessor(CLIPImageProcessor(size={"shortest_edge": 64}, crop_size={"height": 64, "width": 64}),
                  tokenizer).save_pretrained(folder)


def make_blip(folder: Path) -> None:
    tokenizer = BertTokenizer(vocab={word: i for i, word in enumerate(
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", *WORDS])})
    text = {"vocab_size": len(tokenizer), "bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0,
            "max_position_embeddings": 64, "encoder_hidden_size": 32, "projection_dim": 32, **SMALL}
    BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=EYES, projection_dim=32,
                                            image_text_hidden_size=32)).save_pretrained(folder)
    BlipProcessor(BlipImageProcessor(size={"height": 64, "width": 64}), tokenizer).save_pretrained(folder)


torch.manual_seed(3)
make_clip(Path(sys.argv[1]) / "clip")
make_blip(Path(sys.argv[1]) / "blip")
