"""Vectors of pictures and of texts, with CLIP, loaded when this module is imported.

    WEIGHTS=folder uvicorn clip_server:app --port 8000
"""

import io
import os

import torch
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from transformers import AutoProcessor, CLIPModel

torch.set_num_threads(1)
processor = AutoProcessor.from_pretrained(os.environ["WEIGHTS"])
model = CLIPModel.from_pretrained(os.environ["WEIGHTS"]).eval()
app = FastAPI(title="CLIP")


def unit(features) -> list[float]:
    vector = features.pooler_output[0]
    return [round(number, 6) for number in (vector / vector.norm()).tolist()]


def vector_of_picture(picture: bytes) -> list[float]:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    with torch.inference_mode():
        return unit(model.get_image_features(**processor(images=image, return_tensors="pt")))


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/text")
def text(q: str):
    with torch.inference_mode():
        inputs = processor(text=[q], return_tensors="pt", truncation=True)
        return {"vector": unit(model.get_text_features(**inputs))}


@app.post("/picture")
async def picture(request: Request):
    try:
        return {"vector": await run_in_threadpool(vector_of_picture, await request.body())}
    except OSError:  # no picture, or one that is cut off
        raise HTTPException(400, "the body is no picture that can be read") from None
