"""PyTorch on the same GPU as `gpucheck`: python3 gpu_peer.py bench OURS.jsonl measures what `gpucheck bench` measured and prints both with their ratio; python3 gpu_peer.py goldens
OURS.pt holds the numbers of `gpucheck goldens` against PyTorch's generator. Needs PyTorch with CUDA. The workloads are those of Sources/gpucheck/BenchCommand.swift."""
import json
import statistics
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F


def mixed(seed, n):
    """A hash of seed and position, as WorkloadData.swift has it."""
    x = (np.arange(n, dtype=np.uint64) * 0x9E3779B1 + seed * 0x85EBCA77) & 0xFFFFFFFF
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> np.uint64(shift)
        x = (x * factor) & 0xFFFFFFFF
    return x ^ (x >> np.uint64(16))


def fill(seed, shape, scale=1.0):
    values = ((mixed(seed, int(np.prod(shape))) >> np.uint64(8)).astype(np.float32) * np.float32(2.0**-23) - np.float32(1)) * np.float32(scale)
    return torch.from_numpy(values.reshape(shape)).cuda()


def ints(seed, shape, below):
    return torch.from_numpy((mixed(seed, int(np.prod(shape))) % below).astype(np.int64).reshape(shape)).cuda()


def median_time(work, budget=0.5):
    def once(count):
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            work()
        torch.cuda.synchronize()
        return (time.perf_counter() - start) / count

    once(1)
    count = max(1, min(10_000, int(budget / 10 / max(once(1), 1e-7))))
    rounds, end = [], time.perf_counter() + budget
    while time.perf_counter() < end and len(rounds) < 50:
        rounds.append(once(count))
    return statistics.median(rounds)


class Attention(torch.nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.norm1, self.norm2 = torch.nn.LayerNorm(d), torch.nn.LayerNorm(d)
        self.project, self.out = torch.nn.Linear(d, 3 * d), torch.nn.Linear(d, d)
        self.up, self.down = torch.nn.Linear(d, 4 * d), torch.nn.Linear(4 * d, d)
        self.heads = heads

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.project(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(b, t, d))
        return x + self.down(F.gelu(self.up(self.norm2(x)), approximate="tanh"))


class GPT(torch.nn.Module):
    def __init__(self, vocabulary, length, d, layers, heads):
        super().__init__()
        self.tokens, self.positions = torch.nn.Embedding(vocabulary, d), torch.nn.Embedding(length, d)
        self.blocks = torch.nn.ModuleList(Attention(d, heads) for _ in range(layers))
        self.norm = torch.nn.LayerNorm(d)

    def forward(self, x):
        h = self.tokens(x) + self.positions.weight[: x.shape[1]]
        for b in self.blocks:
            h = b(h)
        return F.linear(self.norm(h), self.tokens.weight)


# Parameters of a GPT in the order in which gpucheck names them.
ORDER = ["norm1.weight", "norm1.bias", "project.weight", "project.bias", "out.weight", "out.bias", "norm2.weight", "norm2.bias", "up.weight", "up.bias", "down.weight", "down.bias"]


def trainer(model, optimizer, x, y):
    def step():
        optimizer.zero_grad(set_to_none=True)
        out = model(x)
        loss = F.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss.detach()
    return step


def mlp():
    model = torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)).cuda()
    with torch.no_grad():
        for j, p in enumerate(model.parameters()):
            p.copy_(fill(1000 + j, tuple(p.shape), 1 / p.shape[1] ** 0.5) if p.dim() == 2 else torch.zeros_like(p))
    return trainer(model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), fill(100, (64, 784)), ints(101, (64,), 10))


def gpt():
    model = GPT(5000, 128, 256, 4, 8).cuda()
    named = dict(model.named_parameters())
    order = ["tokens.weight", "positions.weight"] + [f"blocks.{b}.{n}" for b in range(4) for n in ORDER] + ["norm.weight", "norm.bias"]
    assert set(order) == set(named), set(order) ^ set(named)
    with torch.no_grad():
        for j, name in enumerate(order):
            p = named[name]
            p.copy_(torch.zeros_like(p) if name.endswith("bias") else torch.ones_like(p) if "norm" in name else fill(1000 + j, tuple(p.shape), 0.035))
    return trainer(model, torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01), ints(100, (8, 128), 5000), ints(101, (8, 128), 5000))


def measurements(shrink):
    """{name: a function that prepares the work and gives (work, check)}"""
    n, rows, columns, side = max(1, (64 << 20) // shrink), max(1, 8192 // shrink), 4096, max(16, 4096 // shrink)

    def checked(body):
        return body, float(body().float().mean())

    def product(dtype, m, n, k):
        def prepare():
            a, b = fill(1, (m, k)).to(dtype), fill(2, (k, n)).to(dtype)
            return (lambda: a @ b), float((a @ b).float().abs().mean())
        return prepare

    def training(make):
        def prepare():
            step = make()
            losses = [float(step()) for _ in range(5)]
            return step, losses[4]
        return prepare

    def unary(f, dtype=torch.float32):
        def prepare():
            x = fill(1, (n,)).to(dtype)
            return checked(lambda: f(x))
        return prepare

    def row(f):
        def prepare():
            x = fill(1, (rows, columns))
            return checked(lambda: f(x))
        return prepare

    def add():
        x, y = fill(1, (n,)), fill(2, (n,))
        return checked(lambda: x + y)

    def transposed():
        x, y = fill(1, (rows, columns)), fill(2, (columns, rows))
        return checked(lambda: x + y.t())

    def launch():
        x, y = torch.ones(1, device="cuda"), torch.ones(1, device="cuda")
        return (lambda: x + y), None

    return {
        "copy_f32": unary(torch.clone), "add_f32": add, "gelu_f32": unary(F.gelu), "gelu_bf16": unary(F.gelu, torch.bfloat16), "transpose_add_f32": transposed,
        "sum_f32": unary(torch.sum), "softmax_f32": row(lambda x: x.softmax(1)), "layernorm_f32": row(lambda x: F.layer_norm(x, (columns,))), "launch": launch,
        "matmul_f32": product(torch.float32, side, side, side), "matmul_bf16": product(torch.bfloat16, side, side, side), "matmul_f16": product(torch.float16, side, side, side),
        "matmul_seed": product(torch.float32, max(16, 10_000 // shrink), max(16, 2000 // shrink), max(16, 1000 // shrink)), "mlp_train": training(mlp), "gpt_train": training(gpt),
    }


def bench(path):
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    known, differ = measurements(1), 0
    for line in open(path):
        ours = json.loads(line)
        name = ours["name"]
        if "error" in ours or name not in known:
            print(f"{name}: {ours.get('error', 'not measured here')}")
            differ += 1
            continue
        work, check = known[name]()
        theirs = median_time(work)
        agree = check is None or abs(check - ours["check"]) <= 2e-3 * max(abs(check), 1e-3)
        differ += not agree
        print(f"{name}: ours {ours['value']:.4g} {ours['unit']}, ours/torch in time {ours['seconds'] / theirs:.3f}" + ("" if agree else f", CHECK DIFFERS: {ours['check']} and {check}"))
        torch.cuda.empty_cache()
    return differ


def goldens(path):
    differ = 0
    ours = torch.load(path, weights_only=True)
    for key, value in ours.items():
        if key.endswith("_next"):
            continue
        kind, n, seed = key.split("_")
        n = int(n)
        draw = {"rand": lambda: torch.rand(n, device="cuda"), "randn": lambda: torch.randn(n, device="cuda"), "randint": lambda: torch.randint(0, 1000, (n,), device="cuda"),
                "bernoulli": lambda: torch.empty(n, device="cuda").bernoulli_(0.3), "randperm": lambda: torch.randperm(n, device="cuda")}[kind]
        torch.manual_seed(int(seed))
        for name in (key, key + "_next"):
            theirs, mine = draw().cpu(), ours[name]
            equal = torch.equal(theirs, mine)
            off = 0.0 if equal else float((theirs.double() - mine.double()).abs().max())
            # Logarithm and sine may differ in the last bit.
            ok = equal or kind == "randn" and off < 1e-5
            differ += not ok
            print(f"{name}: {'the same bits' if equal else f'off by {off:.3g}'}{'' if ok else ', DIFFERS'}")
    return differ


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("bench", "goldens"):
        sys.exit(__doc__)
    sys.exit(1 if {"bench": bench, "goldens": goldens}[sys.argv[1]](sys.argv[2]) else 0)
