#!/usr/bin/env python3
"""make_weights.py FOLDER: FOLDER/base, a LlavaOnevision of random weights, small, of the real architecture, and
FOLDER/adapter, a LoRA adapter for it that changes every answer; the same bytes each time."""

import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (LlavaOnevisionConfig, LlavaOnevisionForConditionalGeneration, LlavaOnevisionImageProcessor,
                          LlavaOnevisionProcessor, LlavaOnevisionVideoProcessor, PreTrainedTokenizerFast)

SIDE, PATCH = 56, 14
SIZE = {"height": SIDE, "width": SIDE}
SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2}
TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m.role }}\n{% for c in m.content %}{% if c.type == 'image' %}<image>"
            "{% else %}{{ c.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(["draw a bracket with two holes of 5 mm"], trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<image>", "<video>"]))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|im_end|>", pad_token="<|endoftext|>")


torch.manual_seed(3)
folder, tokenizer = Path(sys.argv[1]), make_tokenizer()
config = LlavaOnevisionConfig(
    vision_config={"model_type": "siglip_vision_model", "num_attention_heads": 2, "image_size": SIDE, "patch_size": PATCH,
                   "vision_use_head": False, **SMALL},
    text_config={"model_type": "qwen2", "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": len(tokenizer),
                 "max_position_embeddings": 2048, "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id,
                 "pad_token_id": tokenizer.pad_token_id, **SMALL},
    image_token_index=tokenizer.convert_tokens_to_ids("<image>"), video_token_index=tokenizer.convert_tokens_to_ids("<video>"),
    image_grid_pinpoints=[[SIDE, SIDE], [SIDE, 2 * SIDE], [2 * SIDE, SIDE]])
model = LlavaOnevisionForConditionalGeneration(config)
model.save_pretrained(folder / "base")
LlavaOnevisionProcessor(
    image_processor=LlavaOnevisionImageProcessor(size=SIZE, image_grid_pinpoints=config.image_grid_pinpoints),
    video_processor=LlavaOnevisionVideoProcessor(size=SIZE), tokenizer=tokenizer, num_image_tokens=(SIDE // PATCH) ** 2,
    vision_feature_select_strategy="full", chat_template=TEMPLATE).save_pretrained(folder / "base")
get_peft_model(model, LoraConfig(r=4, target_modules=r".*language_model.*\.(q_proj|v_proj)", init_lora_weights=False)
               ).save_pretrained(folder / "adapter")
