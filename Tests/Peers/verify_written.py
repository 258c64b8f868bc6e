"""Opens with PyTorch, NumPy and safetensors what swift-torch has written, and compares it with the originals.

  torch-conformance checkpoints --data DATA --rewrite WRITTEN
  python verify_written.py DATA WRITTEN

For each original there may be: the same name (the whole tree, by torch.load with weights_only=True: keys, order, types, strides, offsets, shared storages, bytes),
NAME.safetensors and NAME.npz (all tensors by their dotted names). The two must agree with each other and with the original where its reader is one of the three.
"""
import os
import sys
import warnings

import numpy
import safetensors.torch
import torch

warnings.simplefilter("ignore")
data, written = sys.argv[1:3]
data = data if os.path.exists(f"{data}/manifest.jsonl") else f"{data}/checkpoints"
failures, compared = [], {"tree": 0, "safetensors": 0, "npz": 0, "originals": 0}


def original(path):
    """The content by the format's own reader, None where that is none of the three."""
    with open(path, "rb") as f:
        head = f.read(8)
    if path.endswith(".safetensors"):
        return safetensors.torch.load_file(path)
    if path.endswith(".npy"):
        a = numpy.load(path)
        return {"tensor": a} if a.dtype.kind in "biufc" else None
    if path.endswith(".npz"):
        return dict(numpy.load(path))
    try:
        return torch.load(path, weights_only=True)
    except Exception:  # not of torch.save, or it needs more than the restricted reader
        return None


def named(value, name="", out=None):
    out = {} if out is None else out
    if isinstance(value, (torch.Tensor, numpy.ndarray)):
        if isinstance(value, torch.Tensor) and (value.layout != torch.strided or value.is_quantized):
            return out
        out[name or "tensor"] = value
    elif isinstance(value, dict):
        for k, v in value.items():
            named(v, f"{name}.{k}" if name else str(k), out)
    elif isinstance(value, (list, tuple)):
        for i, v in enumerate(value):
            named(v, f"{name}.{i}" if name else str(i), out)
    return out


def raw(t):
    """Type, shape and bytes."""
    if isinstance(t, numpy.ndarray):
        t = t.copy(order="C")
        return t.dtype.newbyteorder("<").str.replace("|", "").replace("<", ""), t.shape, t.astype(t.dtype.newbyteorder("<")).tobytes()
    t = t.detach().resolve_conj().resolve_neg()
    t = (t.to(torch.complex64) if t.dtype == torch.complex32 else t.view(torch.uint8) if t.dtype in FLOAT8 else t).contiguous()
    code = {torch.bool: "b1", torch.uint8: "u1", torch.int8: "i1", torch.bfloat16: "bf16"}.get(t.dtype)
    return code or t.numpy().dtype.str[1:], tuple(t.shape), (t.view(torch.int16) if t.dtype == torch.bfloat16 else t).numpy().tobytes()


def same(a, b, where):
    """The first difference of two trees of torch.save, None if there is none."""
    if isinstance(a, torch.Tensor):
        if not isinstance(b, torch.Tensor) or a.layout != b.layout or a.dtype != b.dtype or a.shape != b.shape or a.requires_grad != b.requires_grad:
            return f"{where}: {a!r} and {b!r}"
        if a.is_quantized:
            return None if torch.equal(a.int_repr(), b.int_repr()) and a.qscheme() == b.qscheme() else f"{where}: quantised"
        if a.layout != torch.strided:
            return None if torch.equal(a.to_dense(), b.to_dense()) else f"{where}: sparse"
        if a.stride() != b.stride() or a.storage_offset() != b.storage_offset() or type(a) is not type(b):
            return f"{where}: strides {a.stride()} {b.stride()}, offsets {a.storage_offset()} {b.storage_offset()}"
        return None if raw(a) == raw(b) else f"{where}: elements"
    if type(a) is not type(b):
        return f"{where}: {type(a)} and {type(b)}"
    if isinstance(a, dict):
        if list(a) != list(b):
            return f"{where}: keys {list(a)} and {list(b)}"
        return next((d for k in a if (d := same(a[k], b[k], f"{where}.{k}"))), None)
    if isinstance(a, (list, tuple)):
        return f"{where}: lengths" if len(a) != len(b) else next((d for i in range(len(a)) if (d := same(a[i], b[i], f"{where}.{i}"))), None)
    return None if a == b or (a != a and b != b) else f"{where}: {a!r} and {b!r}"


def sharing(tree):
    groups = {}
    for name, t in named(tree).items():
        if isinstance(t, torch.Tensor) and t.untyped_storage().nbytes():
            groups.setdefault(t.untyped_storage().data_ptr(), []).append(name)
    return sorted(groups.values())


def check(file):
    path = f"{data}/{file}"
    content = original(path)
    if os.path.exists(f"{written}/{file}"):
        again = torch.load(f"{written}/{file}", weights_only=True)
        compared["tree"] += 1
        if content is not None:
            if d := same(content, again, ""):
                return d
            if sharing(content) != sharing(again):
                return f"shared storages {sharing(content)} and {sharing(again)}"
    tensors = {}
    for ending, read in (("safetensors", safetensors.torch.load_file), ("npz", lambda p: dict(numpy.load(p)))):
        if os.path.exists(f"{written}/{file}.{ending}"):
            compared[ending] += 1
            tensors[ending] = {k: raw(v) for k, v in read(f"{written}/{file}.{ending}").items()}
    for name in tensors.get("safetensors", {}).keys() & tensors.get("npz", {}).keys():
        if tensors["safetensors"][name] != tensors["npz"][name]:
            return f"{name}: safetensors and npz differ"
    if content is not None and tensors:
        compared["originals"] += 1
        for name, value in named(content).items():
            if isinstance(value, torch.Tensor) and value.dtype not in KNOWN or isinstance(value, numpy.ndarray) and value.dtype.kind not in "biufc":
                continue
            expected = raw(value)
            for ending, lacks in (("safetensors", "c16"), ("npz", "bf16")):
                name = name.lstrip("/")
                if expected[0] != lacks and tensors[ending].get(name) != expected:
                    return f"{name} in {ending}: {tensors[ending].get(name, ('nothing',))[:2]} instead of {expected[:2]}"
    return None


FLOAT8 = {torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz, torch.float8_e8m0fnu}
KNOWN = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.uint16, torch.uint32, torch.uint64, torch.float16, torch.bfloat16, torch.float32,
         torch.float64, torch.complex64, torch.complex128}
for file in sorted(f for f in os.listdir(data) if os.path.isfile(f"{data}/{f}")):
    try:
        difference = check(file)
    except Exception as e:
        difference = f"{type(e).__name__}: {e}"
    if difference:
        failures.append(file)
        print(f"FAIL {file}: {difference}")
print(f"written files: {compared['tree']} trees by torch.load, {compared['safetensors']} safetensors, {compared['npz']} npz, {compared['originals']} originals; {len(failures)} failed")
sys.exit(bool(failures) or not all(compared.values()))
