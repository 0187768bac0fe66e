"""Makes pictures from words: a pipeline of diffusers behind FastAPI, as its authors first had it.

    PIPELINE=folder uvicorn app:app --port 8000

The pipeline is loaded when this module is imported, and stays.
"""

import io
import os
from threading import Lock
from typing import Annotated

import torch
from diffusers import DiffusionPipeline
from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

torch.set_num_threads(1)
pipeline = DiffusionPipeline.from_pretrained(os.environ["PIPELINE"])
pipeline.set_progress_bar_config(disable=True)
alone = Lock()  # a pipeline makes one picture at a time

app = FastAPI(title="Pictures")


class Wish(BaseModel):
    prompt: str
    steps: Annotated[int, Field(ge=1, le=50)] = 2
    seed: int = 0


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/parts")
def parts():
    return {"pipeline": type(pipeline).__name__, "parts": sorted(pipeline.components)}


@app.post("/pictures")
def make(wish: Wish):
    with alone:
        [image] = pipeline(wish.prompt, num_inference_steps=wish.steps, height=64, width=64,
                           generator=torch.Generator().manual_seed(wish.seed)).images
    out = io.BytesIO()
    image.save(out, "PNG")
    return Response(out.getvalue(), media_type="image/png")
