#!/usr/bin/env python3
"""make_weights.py FOLDER: FOLDER/sd3, flux and sdxl, pipelines of diffusers with random weights, small, of the real
architectures; the same bytes each time."""

import sys
from pathlib import Path

import torch
from diffusers import (AutoencoderKL, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler, FluxPipeline,
                       FluxTransformer2DModel, SD3Transformer2DModel, StableDiffusion3Pipeline, StableDiffusionXLPipeline,
                       UNet2DConditionModel)
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import (CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, PreTrainedTokenizerFast, T5Config,
                          T5EncoderModel, T5Tokenizer)

SIZE = 32  # of what the text encoders say of a word


def clip_tokenizer() -> PreTrainedTokenizerFast:
    start, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>", unk_token=end))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(["a picture of a red fox in the snow"], trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), special_tokens=[start, end],
        end_of_word_suffix="</w>", show_progress=False))
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{start} $A {end}", special_tokens=[(start, 0), (end, 1)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token=start, eos_token=end, pad_token=end, unk_token=end,
                                   model_max_length=77)


def t5_tokenizer() -> T5Tokenizer:
    pieces = ["▁", *"abcdefghijklmnopqrstuvwxyz0123456789.,'-"]
    return T5Tokenizer(vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *((piece, -3.0) for piece in pieces)],
                       extra_ids=0, model_max_length=64)


def clip(kind, tokenizer):
    return kind(CLIPTextConfig(vocab_size=len(tokenizer), hidden_size=SIZE, intermediate_size=64, num_hidden_layers=2,
                               num_attention_heads=2, projection_dim=SIZE, hidden_act="gelu", pad_token_id=1,
                               bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id))


def t5(tokenizer, size: int) -> T5EncoderModel:
    return T5EncoderModel(T5Config(vocab_size=len(tokenizer), d_model=size, d_kv=8, d_ff=64, num_layers=2, num_heads=4))


def vae(**more) -> AutoencoderKL:
    return AutoencoderKL(block_out_channels=(32, 64), down_block_types=("DownEncoderBlock2D",) * 2,
                         up_block_types=("UpDecoderBlock2D",) * 2, latent_channels=4, norm_num_groups=16, sample_size=64, **more)


def flow_vae() -> AutoencoderKL:
    return vae(use_quant_conv=False, use_post_quant_conv=False, shift_factor=0.06, scaling_factor=1.5)


def sd3(words, pieces) -> StableDiffusion3Pipeline:
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(sample_size=32, patch_size=2, in_channels=4, out_channels=4, num_layers=2,
                                          attention_head_dim=16, num_attention_heads=4, joint_attention_dim=2 * SIZE,
                                          caption_projection_dim=64, pooled_projection_dim=2 * SIZE, qk_norm="rms_norm"),
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=flow_vae(),
        text_encoder=clip(CLIPTextModelWithProjection, words), tokenizer=words,
        text_encoder_2=clip(CLIPTextModelWithProjection, words), tokenizer_2=words,
        text_encoder_3=t5(pieces, 2 * SIZE), tokenizer_3=pieces)


def flux(words, pieces) -> FluxPipeline:
    return FluxPipeline(
        transformer=FluxTransformer2DModel(patch_size=1, in_channels=16, num_layers=1, num_single_layers=1,
                                           attention_head_dim=16, num_attention_heads=2, joint_attention_dim=SIZE,
                                           pooled_projection_dim=SIZE, axes_dims_rope=(4, 4, 8)),
        scheduler=FlowMatchEulerDiscreteScheduler(), vae=flow_vae(), text_encoder=clip(CLIPTextModel, words), tokenizer=words,
        text_encoder_2=t5(pieces, SIZE), tokenizer_2=pieces)


def sdxl(words) -> StableDiffusionXLPipeline:
    return StableDiffusionXLPipeline(
        unet=UNet2DConditionModel(block_out_channels=(32, 64), layers_per_block=1, sample_size=32, in_channels=4, out_channels=4,
                                  down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), attention_head_dim=(2, 4),
                                  up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), use_linear_projection=True,
                                  addition_embed_type="text_time", addition_time_embed_dim=8, norm_num_groups=16,
                                  transformer_layers_per_block=(1, 1), cross_attention_dim=2 * SIZE,
                                  projection_class_embeddings_input_dim=8 * 6 + SIZE),
        scheduler=EulerDiscreteScheduler(), vae=vae(), text_encoder=clip(CLIPTextModel, words), tokenizer=words,
        text_encoder_2=clip(CLIPTextModelWithProjection, words), tokenizer_2=words, add_watermarker=False)


torch.manual_seed(3)
words, pieces = clip_tokenizer(), t5_tokenizer()
for name, pipeline in {"sd3": sd3(words, pieces), "flux": flux(words, pieces), "sdxl": sdxl(words)}.items():
    pipeline.save_pretrained(Path(sys.argv[1]) / name)
