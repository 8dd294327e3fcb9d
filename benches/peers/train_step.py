#!/usr/bin/env python3
"""Time of a training step: lacuna against PyTorch eager, the same model, threads and data sizes, taking turns.

    python3 -m venv venv && venv/bin/pip install torch
    venv/bin/python benches/peers/train_step.py target/release/lacuna [--rounds 5] [--threads 2]

Model: bytes, width 128, 4 blocks, 4 heads, MLP 512, context 128, batch 16 (2048 tokens a step), RMSNorm, GELU, biases,
untied head, no positions, no bigram table; with and without AbsTopK (128 of 512 MLP neurons). Every step on both sides:
forward, cross entropy, backward, gradient brought to unit RMS, Adam, the largest tenth of every matrix kept, decay.

PyTorch is as people write it: eager, scaled_dot_product_attention, torch.optim.Adam, torch.topk. Both are given the same
number of threads, one after the other in every round; the ratio of a round is that of neighbours in time. Beside the time
on the wall stands the processor's: on a machine that others use too, compare that, with --threads 1.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time

import torch
import torch.nn.functional as F
from torch import nn

VOCAB, DIM, BLOCKS, HEADS, HIDDEN, SEQ, BATCH = 256, 128, 4, 4, 512, 128, 16
DENSITY, KEEP, RATE, DECAY = 0.1, 128, 0.0316, 0.1


class Block(nn.Module):
    def __init__(self, keep):
        super().__init__()
        self.keep = keep
        self.attn_norm, self.mlp_norm = nn.RMSNorm(DIM, 1e-5), nn.RMSNorm(DIM, 1e-5)
        self.q, self.k, self.v, self.o = (nn.Linear(DIM, DIM) for _ in range(4))
        self.up, self.down = nn.Linear(DIM, HIDDEN), nn.Linear(HIDDEN, DIM)

    def forward(self, x):
        n, t, _ = x.shape
        h = self.attn_norm(x)
        q, k, v = (f(h).view(n, t, HEADS, -1).transpose(1, 2) for f in (self.q, self.k, self.v))
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.o(z.transpose(1, 2).reshape(n, t, DIM))
        y = F.gelu(self.up(self.mlp_norm(x)))
        if self.keep:
            kept = y.abs().topk(self.keep, dim=-1).indices
            y = y * torch.zeros_like(y).scatter_(-1, kept, 1.0)
        return x + self.down(y)


class Model(nn.Module):
    def __init__(self, keep):
        super().__init__()
        self.embed = nn.Embedding(VOCAB, DIM)
        self.blocks = nn.ModuleList(Block(keep) for _ in range(BLOCKS))
        self.norm, self.head = nn.RMSNorm(DIM, 1e-5), nn.Linear(DIM, VOCAB, bias=False)
        for p in self.parameters():
            if p.dim() == 2:
                nn.init.normal_(p, std=0.02)

    def forward(self, tokens):
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def torch_ms(keep, steps, warm):
    """Milliseconds of one step on the wall and of the processor, medians after `warm` of them."""
    torch.manual_seed(1)
    model = Model(keep)
    matrices = [p for p in model.parameters() if p.dim() == 2]
    adam = torch.optim.Adam(model.parameters(), lr=RATE, betas=(0.9, 0.95), eps=0.1)
    data = torch.randint(0, VOCAB, (1 << 20,))
    times = []
    for _ in range(steps + warm):
        began = (time.perf_counter(), time.process_time())
        starts = torch.randint(0, len(data) - SEQ - 1, (BATCH,))
        rows = torch.stack([data[s : s + SEQ + 1] for s in starts])
        adam.zero_grad()
        logits = model(rows[:, :-1])
        F.cross_entropy(logits.reshape(-1, VOCAB), rows[:, 1:].reshape(-1)).backward()
        with torch.no_grad():
            squares = sum(p.grad.square().sum() for p in model.parameters())
            rms = (squares / sum(p.numel() for p in model.parameters())).sqrt()
            for p in model.parameters():
                p.grad /= rms + 1e-5
            adam.step()
            for w in matrices:
                flat = w.view(-1)
                kept = flat.abs().topk(int(DENSITY * flat.numel())).indices
                flat.mul_(torch.zeros_like(flat).scatter_(0, kept, 1.0))
                w.mul_(1 - RATE * DECAY)
        times.append((time.perf_counter() - began[0], time.process_time() - began[1]))
    return tuple(1e3 * statistics.median(kind) for kind in zip(*times[warm:]))


def lacuna_run(binary, keep, steps, threads):
    """Milliseconds of one step on the wall, and seconds of the processor of a whole run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "-q", "train", "--json", "--data", "grammar", "-o", f"{folder}/run"]
        command += f"--dim {DIM} --hidden-dim {HIDDEN} --n-layers {BLOCKS} --n-heads {HEADS}".split()
        command += f"--seq-len {SEQ} --batch {BATCH} --steps {steps} --threads {threads}".split()
        command += f"--density {DENSITY} --no-anneal --per-neuron 0 --position none --no-bigram".split()
        command += ["--windows", "1", "--topk", f"mlp_neuron={keep}" if keep else "none"]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return 1e3 * BATCH * SEQ / json.loads(done.stdout)["summary"]["tokens_per_second"], used


def lacuna_ms(binary, keep, steps, threads):
    """Milliseconds of one step on the wall, and of the processor: a long run less a short one."""
    wall, long = lacuna_run(binary, keep, steps + 5, threads)
    _, short = lacuna_run(binary, keep, 5, threads)
    return wall, 1e3 * (long - short) / steps


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lacuna", help="the binary, built with --release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(f"PyTorch {torch.__version__}, {args.threads} threads, {args.rounds} rounds of {args.steps} steps")
    for keep in (0, KEEP):
        ours, theirs = [], []
        for _ in range(args.rounds):
            ours.append(lacuna_ms(args.lacuna, keep, args.steps, args.threads))
            theirs.append(torch_ms(keep, args.steps, 3))
        name = f"AbsTopK {keep}" if keep else "no AbsTopK"
        for kind, what in enumerate(["on the wall", "of the processor"]):
            a, b = ([times[kind] for times in side] for side in (ours, theirs))
            ratio = statistics.median(x / y for x, y in zip(a, b))
            a, b = statistics.median(a), statistics.median(b)
            print(f"{name:12} lacuna {a:6.1f} ms   PyTorch {b:6.1f} ms   ratio {ratio:.2f}   {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
