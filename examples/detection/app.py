"""Finds fingernails in pictures: RF-DETR behind FastAPI, as its authors first had it.

    WEIGHTS=folder uvicorn app:app --port 8000 --workers 3

Everything is loaded when this module is imported, so each of uvicorn's workers loads it.
"""

import io
import os
from functools import lru_cache

import torch
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image
from transformers import AutoImageProcessor, AutoModelForObjectDetection

torch.set_num_threads(1)
processor = AutoImageProcessor.from_pretrained(os.environ["WEIGHTS"])
model = AutoModelForObjectDetection.from_pretrained(os.environ["WEIGHTS"]).eval()
print(f"process {os.getpid()} has loaded the weights", flush=True)

app = FastAPI(title="Detection")


@lru_cache(maxsize=256)
def detect(picture: bytes, threshold: float) -> list[dict]:
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    with torch.inference_mode():
        outputs = model(**processor(images=image, return_tensors="pt"))
    [found] = processor.post_process_object_detection(outputs, threshold, target_sizes=[(image.height, image.width)])
    return [{"label": model.config.id2label[label.item()], "score": round(score.item(), 6),
             "box": [round(edge, 2) for edge in box.tolist()]}
            for label, score, box in zip(found["labels"], found["scores"], found["boxes"])]


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/labels")
def labels():
    return list(model.config.id2label.values())


@app.post("/detect")
async def detect_in(request: Request, threshold: float = 0.01):
    try:
        return {"objects": await run_in_threadpool(detect, await request.body(), threshold)}
    except OSError:  # no picture, or one that is cut off
        raise HTTPException(400, "the body is no picture that can be read") from None
