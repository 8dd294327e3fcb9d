"""Random models of each supported family with the logits that transformers gives: what `import_hf.rs` compares with.

    pip install torch transformers safetensors && python make.py

Writes NAME/ (as save_pretrained does) and NAME/logits.json: prompt, and (positions, vocabulary) logits computed in f32.
"""

import json
import pathlib

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, MistralConfig, Qwen2Config

HERE = pathlib.Path(__file__).parent
SIZES = dict(vocab_size=256, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4,
             max_position_embeddings=64, bos_token_id=0, eos_token_id=0, pad_token_id=None, initializer_range=0.3)
LLAMA3 = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
              original_max_position_embeddings=16)
MODELS = {
    # Sharded, untied, biases everywhere, grouped queries.
    "llama": (LlamaConfig(**SIZES, num_key_value_heads=2, attention_bias=True, mlp_bias=True, rms_norm_eps=1e-5,
                          tie_word_embeddings=False), torch.float32, "20KB"),
    # Tied, slowed angles, heads wider than dim / heads, one key.
    "llama3": (LlamaConfig(**SIZES, num_key_value_heads=1, head_dim=8, rope_parameters=LLAMA3,
                           tie_word_embeddings=True), torch.bfloat16, "1GB"),
    # A window that covers the context, another nonlinearity, linear angles.
    "mistral": (MistralConfig(**SIZES, num_key_value_heads=4, sliding_window=64, hidden_act="gelu_pytorch_tanh",
                              rope_parameters=dict(rope_type="linear", rope_theta=100.0, factor=2.0),
                              tie_word_embeddings=True), torch.float16, "1GB"),
    # Biases on q, k and v alone.
    "qwen2": (Qwen2Config(**SIZES, num_key_value_heads=2, tie_word_embeddings=True), torch.bfloat16, "1GB"),
}

for seed, (name, (config, dtype, shard)) in enumerate(MODELS.items()):
    torch.manual_seed(seed)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").to(torch.float32).eval()
    with torch.no_grad():
        for key, weight in model.named_parameters():
            if key.endswith("bias"):
                weight.normal_(0, 0.3)
            if key.endswith("norm.weight"):
                weight.uniform_(0.5, 1.5)
        model.to(dtype).save_pretrained(HERE / name, max_shard_size=shard)
        # What is stored is rounded; the logits are those of the rounded weights and of exact angles, computed in f32.
        model = AutoModelForCausalLM.from_pretrained(HERE / name, dtype=torch.float32, attn_implementation="eager").eval()
        prompt = torch.randint(0, config.vocab_size, (1, 40))
        logits = model(prompt).logits[0]
    picked = [0, 7, 39]
    record = {
        "prompt": prompt[0].tolist(),
        "positions": picked,
        "logits": [[round(x, 5) for x in logits[p].tolist()] for p in picked],
    }
    (HERE / name / "logits.json").write_text(json.dumps(record) + "\n")
    (HERE / name / "generation_config.json").unlink(missing_ok=True)
