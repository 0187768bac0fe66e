"""Captions of pictures, with BLIP, loaded when this module is imported.

    WEIGHTS=folder uvicorn blip_server:app --port 8000
"""

import io
import os

import torch
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from transformers import BlipForConditionalGeneration, BlipProcessor

torch.set_num_threads(1)
processor = BlipProcessor.from_pretrained(os.environ["WEIGHTS"])
model = BlipForConditionalGeneration.from_pretrained(os.environ["WEIGHTS"]).eval()
app = FastAPI(title="BLIP")


def describe(picture: bytes) -> str:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    with torch.inference_mode():
        [words] = model.generate(**processor(images=image, return_tensors="pt"), max_new_tokens=8)
    return processor.decode(words, skip_special_tokens=True).replace("[DEC]", "").strip()


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/words")
def words():
    return {"words": len(processor.tokenizer)}


@app.post("/caption")
async def caption(request: Request):
    try:
        return {"caption": await run_in_threadpool(describe, await request.body())}
    except OSError:  # no picture, or one that is cut off
        raise HTTPException(400, "the body is no picture that can be read") from None
