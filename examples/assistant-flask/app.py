"""A CAD assistant: LlavaOnevision with a LoRA adapter behind Flask, as its authors first had it.

    MODEL=folder/base ADAPTER=folder/adapter python3 app.py PORT

USE_FINETUNED_MODEL=false does without the adapter. Everything is loaded before the server listens; LOADING_SECONDS makes
that last as long as with weights that are a thousand times as large.
"""

import os
import sys
import time
from threading import Lock

import torch
from flask import Flask, request
from peft import PeftModel
from PIL import Image
from transformers import LlavaOnevisionForConditionalGeneration, LlavaOnevisionProcessor

FINETUNED = os.environ.get("USE_FINETUNED_MODEL", "true").lower() in ("true", "1", "yes")

torch.set_num_threads(1)
print("loading the processor", flush=True)
processor = LlavaOnevisionProcessor.from_pretrained(os.environ["MODEL"])
print("loading the model", flush=True)
model = LlavaOnevisionForConditionalGeneration.from_pretrained(os.environ["MODEL"])
time.sleep(float(os.environ.get("LOADING_SECONDS", "0")))
if FINETUNED:
    print("applying the adapter", flush=True)
    model = PeftModel.from_pretrained(model, os.environ["ADAPTER"])
model.eval()
print("ready", flush=True)
alone = Lock()

app = Flask(__name__)


@app.get("/health")
def health():
    return {"status": "ok"}


@app.get("/")
def page():
    return "<!doctype html><title>CAD assistant</title><h1>CAD assistant</h1>"


@app.get("/about")
def about():
    return {"model": model.config.model_type, "finetuned": FINETUNED}


@app.post("/assist")
def assist():
    """A form: `prompt`, and `drawing`, a picture, if there is one."""
    if not request.form.get("prompt"):
        return {"error": "prompt: say what is to be drawn"}, 400
    drawing = request.files.get("drawing")
    content = [{"type": "text", "text": request.form["prompt"]}]
    try:
        images = [Image.open(drawing).convert("RGB")] if drawing else None
    except OSError:  # no picture, or one that is cut off
        return {"error": "drawing: no picture that can be read"}, 400
    if images:
        content.insert(0, {"type": "image"})
    text = processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
    with alone, torch.inference_mode():
        inputs = processor(text=text, images=images, return_tensors="pt")
        made = model.generate(**inputs, max_new_tokens=12, do_sample=False)
    return {"answer": processor.decode(made[0, inputs["input_ids"].shape[1]:], skip_special_tokens=True), "finetuned": FINETUNED}


app.run("127.0.0.1", int(sys.argv[1]), threaded=True)
