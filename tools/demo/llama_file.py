"""What every text model here has in its GGUF: the settings of a Llama, the vocabulary, how a chat is written."""

import gguf

from demo.bytelevel import Vocabulary
from demo.gguf_file import Setting

# The demo model was taught single questions, so it is shown the last one only; it has no memory of a conversation.
LAST_QUESTION = ("{%- set asked = namespace(text='') -%}"
                 "{%- for message in messages -%}"
                 "{%- if message.role == 'user' -%}{%- set asked.text = message.content -%}{%- endif -%}"
                 "{%- endfor -%}"
                 "{{- '<|user|>' + (asked.text | trim) + '<|assistant|>' -}}")
# The random models see the whole conversation.
WHOLE_CHAT = ("{%- for message in messages -%}"
              "{{- ('<|assistant|>' if message.role == 'assistant' else '<|user|>') + message.content -}}"
              "{%- endfor -%}"
              "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}")


def architecture(name: str, *, layers: int, width: int, inner: int, heads: int, context: int,
                 rope_base: float = 10000.0, epsilon: float = 1e-5) -> dict[str, Setting]:
    return {
        "general.type": "model",
        "general.name": name,
        "general.file_type": int(gguf.LlamaFileType.MOSTLY_F16),
        "general.quantization_version": gguf.GGML_QUANT_VERSION,
        "llama.context_length": context,
        "llama.embedding_length": width,
        "llama.block_count": layers,
        "llama.feed_forward_length": inner,
        "llama.attention.head_count": heads,
        "llama.attention.head_count_kv": heads,
        "llama.attention.layer_norm_rms_epsilon": epsilon,
        "llama.rope.dimension_count": width // heads,
        "llama.rope.freq_base": rope_base,
    }


def vocabulary(words: Vocabulary, chat_template: str) -> dict[str, Setting]:
    control, normal = int(gguf.TokenType.CONTROL), int(gguf.TokenType.NORMAL)
    return {
        "llama.vocab_size": len(words.tokens),
        "tokenizer.ggml.model": "gpt2",
        "tokenizer.ggml.pre": "gpt-2",
        "tokenizer.ggml.tokens": words.tokens,
        "tokenizer.ggml.token_type": [control if i < len(words.CONTROL) else normal for i in range(len(words.tokens))],
        "tokenizer.ggml.merges": [f"{a} {b}" for a, b in words.merges],
        "tokenizer.ggml.bos_token_id": words.END,
        "tokenizer.ggml.eos_token_id": words.END,
        "tokenizer.ggml.eot_token_id": words.END,
        "tokenizer.ggml.padding_token_id": words.PAD,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.chat_template": chat_template,
    }
