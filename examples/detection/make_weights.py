#!/usr/bin/env python3
"""make_weights.py FOLDER: an RF-DETR of random weights, small, of the real architecture; the same bytes each time."""

import sys

import torch
from transformers import RfDetrConfig, RfDetrForObjectDetection, RfDetrImageProcessor

LABELS = ["thumb", "index finger", "middle finger", "ring finger", "little finger"]

torch.manual_seed(3)
model = RfDetrForObjectDetection(RfDetrConfig(
    backbone_config={"model_type": "rf_detr_dinov2", "hidden_size": 96, "num_hidden_layers": 4, "num_attention_heads": 3,
                     "image_size": 56, "patch_size": 14, "num_windows": 2, "out_features": ["stage2", "stage4"],
                     "window_block_indexes": [0, 2]},
    d_model=64, decoder_layers=2, decoder_ffn_dim=128, decoder_self_attention_heads=4, decoder_cross_attention_heads=4,
    num_queries=20, group_detr=2, id2label=dict(enumerate(LABELS)), label2id={name: i for i, name in enumerate(LABELS)}))
model.save_pretrained(sys.argv[1])
RfDetrImageProcessor(size={"height": 112, "width": 112}).save_pretrained(sys.argv[1])
