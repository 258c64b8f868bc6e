"""Writes printing.json: tensors and what PyTorch prints for them. Run with PyTorch 2.13: python printing.py > printing.json"""
import json, math, torch

nan, inf = math.nan, math.inf
cases = []


def text(v):
    return v if isinstance(v, bool) or (isinstance(v, (int, float)) and math.isfinite(v)) else [text(v.real), text(v.imag)] if isinstance(v, complex) else str(v)


def add(t, **how):
    cases.append({"dtype": str(t.dtype)[6:], "shape": list(t.shape), "values": [text(v) for v in t.flatten().tolist()], "text": repr(t)})


def made(kind, t):
    cases.append({"make": kind, "text": repr(t)})


f = torch.tensor
for v in ([], [1.0], [1.5, -2.25], [1e-5, 1.0], [1e5, 1.0], [123456789.0], [1e8, 1e-8], [1e-8, 2e-8], [0.1, 100.0], [0.0, -0.0], [nan, inf, -inf, 1.0], [nan, nan],
          [inf, 2.0], [inf, 2.5], [1.0, 2.0, 3.0], [99999.0, 1.0], [1000.0, 10000.5], [3.14159265, 2.718281828], [1e-4, 0.5], [9.9999e-5, 1.0], [1e10], [5e-324 * 0 + 1e-40],
          [999.99994, 0.33333334]):
    add(f(v))
    if v and all(map(math.isfinite, v)):
        add(f(v, dtype=torch.float64))
for t in (f(3.5), f(3), f(True), f(1e-7), f(nan), f(2.0, dtype=torch.float64), f(1 + 2j), f(7, dtype=torch.uint8)):
    add(t)
add(f([1, -20, 300])); add(f([[1, 2], [3, 4]])); add(f([[True, False]])); add(f([], dtype=torch.int64)); add(torch.zeros(0, 3)); add(torch.zeros(2, 0, 3))
add(f([1, 2], dtype=torch.int32)); add(f([1.5, 2.0], dtype=torch.float16)); add(f([1.5, 2.0], dtype=torch.bfloat16)); add(f([255, 0], dtype=torch.uint8)); add(f([-(2**63), 2**53]))
add(f([1 + 2j, -0.5j])); add(f([1 + 2j, 3e10 + 1j])); add(f([complex(nan, 1), complex(0, -inf)])); add(f([1 + 2j], dtype=torch.complex128)); add(f([[1 + 1j], [2 - 2j]]))
add(torch.arange(24).reshape(2, 3, 4)); add(torch.arange(24.0).reshape(2, 3, 4) / 7); add(torch.arange(40.0)); add(torch.arange(60)); add(torch.arange(30) % 2 == 0)
add((torch.arange(12.0) - 6).reshape(3, 4) * 1e6); add(torch.linspace(0, 1, 20))
for n in (1000, 1001, 2000):
    made(f"arange {n}", torch.arange(n)); made(f"arange float {n}", torch.arange(float(n)))
made("ramp 100 100", torch.arange(10000.0).reshape(100, 100) / 10000); made("ramp 7 8 9 10", torch.arange(5040).reshape(7, 8, 9, 10)); made("ramp 3 1200", torch.arange(3600).reshape(3, 1200))
made("zeros 1200 2", torch.zeros(1200, 2)); made("bool 40 40", torch.zeros(40, 40, dtype=torch.bool)); made("complex 1100", torch.ones(1100, dtype=torch.complex64))
w = torch.ones(2, requires_grad=True)
made("leaf", w); made("mul", w * 2); made("sum", (w * 2).sum()); made("view", (w * 2).view(2, 1))
print(json.dumps(cases))
