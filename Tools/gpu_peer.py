"""PyTorch on the same GPU as `gpucheck`: python3 gpu_peer.py bench OURS.jsonl [SECONDS] measures what `gpucheck bench` measured and prints both with their ratio; python3 gpu_peer.py
goldens OURS.pt holds the numbers of `gpucheck goldens` against PyTorch's generator; python3 gpu_peer.py recorded OUT.json writes such
numbers of PyTorch's; python3 gpu_peer.py profile NAME,NAME tells the time of PyTorch's kernels in a measurement. Needs
PyTorch with CUDA. The workloads are those of Sources/gpucheck/Measurement*.swift."""
import functools
import json
import math
import statistics
import sys
import time

import torch
import torch.nn.functional as F


def mixed(seed, n):
    """A hash of seed and position, as WorkloadData.swift has it."""
    mask = 0xFFFFFFFF
    x = (torch.arange(n, device="cuda") * 0x9E3779B1 + seed * 0x85EBCA77) & mask
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B)):
        x ^= x >> shift
        # Products lose their upper half: what is below 2^32 stays right.
        x = (x * factor) & mask
    return x ^ (x >> 16)


def fill(seed, shape, scale=1.0):
    return (((mixed(seed, math.prod(shape)) >> 8).float() * 2.0**-23 - 1) * scale).reshape(shape)


def ints(seed, shape, below):
    return (mixed(seed, math.prod(shape)) % below).reshape(shape)


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


class LeNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = torch.nn.Conv2d(1, 16, 5, padding=2), torch.nn.Conv2d(16, 32, 5, padding=2)
        self.f1, self.f2 = torch.nn.Linear(1568, 128), torch.nn.Linear(128, 10)

    def forward(self, x):
        h = F.max_pool2d(self.c1(x).relu(), 2)
        h = F.max_pool2d(self.c2(h).relu(), 2)
        return self.f2(self.f1(h.flatten(1)).relu())


def trainer(model, optimizer, x, y, lower=False):
    def step():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cuda", torch.bfloat16, enabled=lower):
            out = model(x)
            loss = F.cross_entropy(out.reshape(-1, out.shape[-1]), y.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss.detach()
    return step


def classifier(model, *shape):
    model = model.cuda()
    with torch.no_grad():
        for j, p in enumerate(model.parameters()):
            p.copy_(fill(1000 + j, tuple(p.shape), 1 / math.prod(p.shape[1:]) ** 0.5) if p.dim() > 1 else torch.zeros_like(p))
    return trainer(model, torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), fill(100, (64, *shape)), ints(101, (64,), 10))


def mlp():
    return classifier(torch.nn.Sequential(torch.nn.Linear(784, 512), torch.nn.ReLU(), torch.nn.Linear(512, 512), torch.nn.ReLU(), torch.nn.Linear(512, 10)), 784)


def gpt(vocabulary=5000, batch=8, length=128, width=256, layers=4, heads=8, lower=False):
    model = GPT(vocabulary, length, width, layers, heads).cuda()
    named = dict(model.named_parameters())
    order = ["tokens.weight", "positions.weight"] + [f"blocks.{b}.{n}" for b in range(layers) for n in ORDER] + ["norm.weight", "norm.bias"]
    assert set(order) == set(named), set(order) ^ set(named)
    with torch.no_grad():
        for j, name in enumerate(order):
            p = named[name]
            p.copy_(torch.zeros_like(p) if name.endswith("bias") else torch.ones_like(p) if "norm" in name else fill(1000 + j, tuple(p.shape), 0.035))
    x, y = ints(100, (batch, length), vocabulary), ints(101, (batch, length), vocabulary)
    return trainer(model, torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=0.01), x, y, lower)


def gpt2():
    return gpt(50304, 8, 1024, 768, 6, 12, lower=True)


def measurements():
    """{name: a function that prepares the work and gives (work, check)}, in the sizes of `gpucheck bench`."""
    n, rows, columns, side = 64 << 20, 8192, 4096, 4096

    def checked(body):
        return body, float(body().float().abs().mean())

    def on(shapes, body, dtype=torch.float32, scales={}):
        def prepare():
            inputs = [fill(k + 1, shape, scales.get(k, 1.0)).to(dtype) for k, shape in enumerate(shapes)]
            return checked(lambda: body(*inputs))
        return prepare

    def gradient(shapes, body, dtype=torch.float32, scales={}):
        def prepare():
            inputs = [fill(k + 1, shape, scales.get(k, 1.0)).to(dtype).requires_grad_() for k, shape in enumerate(shapes)]
            ones = torch.ones_like(body(*inputs))

            def run():
                for x in inputs:
                    x.grad = None
                body(*inputs).backward(ones)
                return inputs[0].grad
            return checked(run)
        return prepare

    def product(dtype, m, n, k):
        return on([(m, k), (k, n)], torch.matmul, dtype)

    def training(make):
        def prepare():
            step = make()
            losses = [float(step()) for _ in range(5)]
            return step, losses[4]
        return prepare

    def adamw():
        parameters = [torch.nn.Parameter(fill(1, (1 << 20,))) for _ in range(96)]
        for p in parameters:
            p.grad = fill(2, (1 << 20,))
        optimizer = torch.optim.AdamW(parameters, lr=1e-6, fused=True)

        def step():
            optimizer.step()
            return parameters[0].detach()
        return checked(step)

    def launch():
        x, y = torch.ones(1, device="cuda"), torch.ones(1, device="cuda")
        return (lambda: x + y), None

    bf16, matrix = torch.bfloat16, [(rows, columns)]
    classes, at = lambda: ints(2, (rows // 2,), 32_000), lambda: ints(2, (rows * 2,), 50_000)
    classes, at = functools.cache(classes), functools.cache(at)
    pictures, weight = (32, 128, 56, 56), (128, 128, 3, 3)
    convolution, attention, heads = (lambda x, w: F.conv2d(x, w, padding=1)), (lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True)), [(4, 16, 2048, 64)] * 3
    return {
        "copy_f32": on([(n,)], torch.clone), "add_f32": on([(n,), (n,)], torch.add), "gelu_f32": on([(n,)], F.gelu), "gelu_bf16": on([(n,)], F.gelu, bf16),
        "to_bf16": on([(n,)], lambda x: x.to(bf16)), "transpose_add_f32": on([(rows, columns), (columns, rows)], lambda x, y: x + y.t()),
        "rand_f32": on([], lambda: torch.rand(n, device="cuda")), "dropout_f32": on([(n,)], lambda x: F.dropout(x, 0.5)), "sum_f32": on([(n,)], torch.sum), "launch": launch,
        "sum_dim0_f32": on(matrix, lambda x: x.sum(0)), "sum_dim1_f32": on(matrix, lambda x: x.sum(1)), "argmax_f32": on(matrix, lambda x: x.argmax(1)),
        "softmax_f32": on(matrix, lambda x: x.softmax(1)), "softmax_bf16": on(matrix, lambda x: x.softmax(1), bf16), "layernorm_f32": on(matrix, lambda x: F.layer_norm(x, (columns,))),
        "cumsum_f32": on(matrix, lambda x: x.cumsum(1)), "cumsum_dim0_f32": on(matrix, lambda x: x.cumsum(0)), "sort_f32": on(matrix, lambda x: x.sort(1).values),
        "topk_f32": on(matrix, lambda x: x.topk(16, 1).values),
        "layernorm_grad_f32": gradient([(rows, columns), (columns,), (columns,)], lambda x, w, b: F.layer_norm(x, (columns,), w, b)),
        "crossentropy_grad_f32": gradient([(rows // 2, 32_000)], lambda x: F.cross_entropy(x, classes())),
        "embedding_grad_f32": gradient([(50_000, 1024)], lambda w: F.embedding(at(), w)),
        "conv_f32": on([pictures, weight], convolution, scales={1: 0.03}), "conv_bf16": on([pictures, weight], convolution, bf16, {1: 0.03}),
        "conv_grad_f32": gradient([pictures, weight], convolution, scales={1: 0.03}), "conv_grad_bf16": gradient([pictures, weight], convolution, bf16, {1: 0.03}),
        "batchnorm_grad_f32": gradient([pictures, (128,), (128,)], lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True)),
        "maxpool_grad_f32": gradient([pictures], lambda x: F.max_pool2d(x, 3, 2, 1)),
        "attention_bf16": on(heads, attention, bf16), "attention_grad_bf16": gradient(heads, attention, bf16), "attention_f32": on(heads, attention),
        "matmul_f32": product(torch.float32, side, side, side), "matmul_bf16": product(bf16, side, side, side), "matmul_f16": product(torch.float16, side, side, side),
        "matmul_seed": product(torch.float32, 10_000, 2000, 1000), "adamw_100m": adamw,
        "mlp_train": training(mlp), "lenet_train": training(lambda: classifier(LeNet(), 1, 28, 28)), "gpt_train": training(gpt), "gpt2_train_bf16": training(gpt2),
    }


def bench(path, budget):
    print(f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}")
    known, differ, measured = measurements(), 0, {}
    for line in open(path):
        ours = json.loads(line)
        # A replayed graph is held against PyTorch's steps one by one.
        name = ours["name"]
        base = name.removesuffix("_graph")
        if "error" in ours or base not in known:
            print(f"{name}: {ours.get('error', 'not measured here')}")
            differ += 1
            continue
        if base not in measured:
            work, check = known[base]()
            measured[base] = median_time(work, budget), check
            del work
            torch.cuda.empty_cache()
        theirs, check = measured[base]
        agree = check is None or abs(check - ours["check"]) <= 2e-3 * max(abs(check), 1e-3)
        differ += not agree
        print(f"{name}: ours {ours['value']:.4g} {ours['unit']}, ours/torch in time {ours['seconds'] / theirs:.3f}" + ("" if agree else f", CHECK DIFFERS: {ours['check']} and {check}"), flush=True)
    return differ


def profile(names):
    """Time of the kernels in a step."""
    for name in names.split(","):
        work, _ = measurements()[name]()
        work()
        torch.cuda.synchronize()
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as taken:
            for _ in range(5):
                work()
            torch.cuda.synchronize()
        print(f"{name}, 5 runs")
        print(taken.key_averages().table(sort_by="cuda_time_total", row_limit=25, max_name_column_width=90))
    return 0


def recorded(path):
    """Draws of this device for tests elsewhere: the first numbers, and a sum over all of them by place, of the bits, as JSON."""
    facts = {"device": torch.cuda.get_device_name(), "multiprocessors": torch.cuda.get_device_properties(0).multi_processor_count, "torch": torch.__version__, "draws": []}
    kinds = {"rand": lambda n: torch.rand(n, device="cuda"), "randn": lambda n: torch.randn(n, device="cuda"), "randint": lambda n: torch.randint(0, 1000, (n,), device="cuda"),
             "bernoulli": lambda n: torch.empty(n, device="cuda").bernoulli_(0.3), "randperm": lambda n: torch.randperm(n, device="cuda"),
             "dropout": lambda n: F.dropout(torch.ones(n, device="cuda"), 0.3), "dropoutHalf": lambda n: F.dropout(torch.ones(n, device="cuda", dtype=torch.half), 0.3)}
    for kind, draw in kinds.items():
        for n, seed in ((7, 1), (1000, 2), (70_002, 3), (1 << 20, 4)):
            torch.manual_seed(seed)
            for call in range(2):
                x = draw(n)
                bits = x.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()]).long()
                # Sums wrap.
                total = int((bits * (torch.arange(n, device="cuda") + 1)).sum())
                facts["draws"].append({"kind": kind, "n": n, "seed": seed, "call": call, "first": x[:6].tolist(), "sum": total})
    with open(path, "w") as f:
        json.dump(facts, f)
    return 0


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
    if len(sys.argv) not in (3, 4) or sys.argv[1] not in ("bench", "goldens", "recorded", "profile"):
        sys.exit(__doc__)
    budget = float(sys.argv[3]) if len(sys.argv) == 4 else 0.5
    differ = {"bench": lambda path: bench(path, budget), "goldens": goldens, "recorded": recorded, "profile": profile}[sys.argv[1]](sys.argv[2])
    sys.exit(1 if differ else 0)
