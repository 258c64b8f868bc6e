"""Lists every kernel compilation of the contract (Kernels/CONTRACT.md): file, defines, symbols. Run from the repository root; --write refreshes Kernels/list.txt."""
import re
import sys

NAMES = "bool u8 i8 i16 i32 i64 f16 bf16 f32 f64 c64 c128 u16 u32 u64".split()
BOOL, INT, FLT, FULL, COMPLEX, UNSIGNED = 0x0001, 0x003E, 0x03C0, 0x0300, 0x0C00, 0x7000
SETS = {"BOOL": BOOL, "INT": INT, "FLT": FLT, "FULL": FULL, "INTB": INT | BOOL, "REAL": INT | FLT, "REALB": INT | FLT | BOOL, "FC": FLT | COMPLEX,
        "NUM": INT | FLT | COMPLEX, "NUMB": INT | FLT | COMPLEX | BOOL, "ANY": INT | FLT | COMPLEX | BOOL, "ALL": INT | FLT | COMPLEX | BOOL | UNSIGNED,
        "FLT64": FLT | 0x0020, "NUMBERS": INT | FLT | UNSIGNED, "DRAWN": INT | FLT | BOOL | UNSIGNED}

REDUCTIONS = {"sum": "NUM", "nansum": "FLT", "prod": "NUM", "max": "REALB", "min": "REALB", "argmax": "REALB", "argmin": "REALB", "any": "ANY", "all": "ANY",
              "countNonzero": "ANY", "mean": "FC", "variance": "FC", "std": "FC", "norm": "FC", "logSumExp": "FLT", "wideSum": "INTB", "wideProd": "INTB"}

DISTRIBUTIONS = {"uniform": "FLT", "normal": "FLT", "logNormal": "FLT", "exponential": "FLT", "cauchy": "FLT", "geometric": "NUMBERS", "bernoulli": "DRAWN", "integers": "DRAWN",
                 "wideIntegers": "DRAWN", "each": "FLT"}

POOLINGS = {"max": "REAL", "average": "FLT64", "maxBackward": "FLT", "averageBackward": "FLT"}

SCANS = {"sum": "NUM", "prod": "NUM", "max": "REALB", "min": "REALB", "logSumExp": "FLT"}


def types(bits):
    return [name for k, name in enumerate(NAMES) if bits >> k & 1]


def operators(kind):
    """(name, types) of every line of an operator list."""
    for line in open(f"Sources/TorchKernels/include/st_{kind}.def"):
        m = re.match(rf"ST_{kind.upper()}\((\w+), (\w+), (\w+)\)", line)
        if m:
            yield m[1], types(SETS[m[2]])


def kernels():
    """(file, defines, symbols) of the whole contract."""
    pointwise = ("run", "strided", "tiled")
    for kind in ("unary", "binary", "ternary"):
        for op, over in operators(kind):
            for t in over:
                yield f"{kind}.cu", [f"ST_OP={op}", f"ST_TYPE={t}"], [f"{kind}_{op}_{t}_{form}" for form in pointwise]
    for op, over in REDUCTIONS.items():
        for t in types(SETS[over]):
            yield "reduce.cu", [f"ST_OP={op}", f"ST_TYPE={t}"], [f"reduce_{op}_{t}_{form}" for form in ("inner", "outer", "finish")]
    for a in NAMES:
        for b in NAMES:
            if a != b:
                yield "convert.cu", [f"ST_FROM={a}", f"ST_TO={b}"], [f"convert_{a}_{b}_{form}" for form in pointwise]
    for size in (1, 2, 4, 8, 16):
        yield "copy.cu", [f"ST_SIZE={size}"], [f"copy_{size}_{form}" for form in pointwise]
        yield "select.cu", [f"ST_SIZE={size}"], [f"select_{size}_{form}" for form in pointwise]
        yield "fill.cu", [f"ST_SIZE={size}"], [f"fill_{size}_{form}" for form in ("run", "strided")]
        yield "gather.cu", [f"ST_SIZE={size}"], [f"gather_{size}", f"takeRows_{size}", f"findZero_{size}"]
    for t in types(SETS["REAL"]):
        yield "arange.cu", [f"ST_TYPE={t}"], [f"arange_{t}"]
    for op, over in (("replace", "ANY"), ("sum", "ANY"), ("prod", "ANY"), ("max", "REALB"), ("min", "REALB")):
        for t in types(SETS[over]):
            yield "scatter.cu", [f"ST_OP={op}", f"ST_TYPE={t}"], [f"scatter_{op}_{t}", f"scatterSegments_{op}_{t}"]
    for t in types(SETS["ANY"]):
        yield "addrows.cu", [f"ST_TYPE={t}"], [f"addRows_{t}", f"addSegments_{t}"]
    for t in types(SETS["FLT"]):
        yield "softmax.cu", [f"ST_TYPE={t}"], [f"{op}_{t}" for op in ("softmax", "logSoftmax", "softmaxBackward", "logSoftmaxBackward", "crossEntropy", "crossEntropyBackward")]
        yield "layernorm.cu", [f"ST_TYPE={t}"], [f"{op}_{t}" for op in ("layerNorm", "layerNormBackward", "layerNormBackwardWeights", "layerNormBackwardWeightsFinish")]
    for t in types(SETS["FLT"]):
        yield "dropout.cu", [f"ST_TYPE={t}"], [f"dropout_{t}"] + [f"dropoutBackward_{t}_{form}" for form in pointwise]
    for t in types(SETS["NUM"]):
        yield "matmul.cu", [f"ST_TYPE={t}"], [f"matmul_{t}"]
    for t in ("f16", "bf16", "f32"):
        yield "matmul_mma.cu", [f"ST_TYPE={t}"], [f"mma_{t}_{layout}_{side}" for side in (128, 64) for layout in ("rr", "rc", "cr", "cc")]
    for t in ("f16", "bf16", "f32"):
        yield "attention.cu", [f"ST_TYPE={t}"], [f"{op}_{t}_{width}" for width in (64, 128) for op in ("attention", "attentionKeys", "attentionQueries")] + [f"attentionDelta_{t}"]
    for t in types(SETS["FULL"]):
        for size in ("few", "many"):
            yield "optim.cu", [f"ST_OP={size}", f"ST_TYPE={t}"], [f"sgd_{size}_{t}", f"adam_{size}_{t}"]
    yield "mask.cu", ["ST_TYPE=bool"], ["maskCount_bool", "maskScan_bool", "maskPositions_bool"]
    for size in (1, 2, 4, 8, 16):
        yield "mask.cu", [f"ST_SIZE={size}"], [f"maskedSelect_{size}", f"maskedScatter_{size}"]
    for t in types(SETS["REALB"]):
        yield "sort.cu", [f"ST_TYPE={t}"], [f"{part}_{t}" for part in ("sortShort", "sortRow1024", "sortRow2048", "sortRow4096", "sortRow8192", "sortSelect", "sortCount", "sortScan", "sortPlace", "sortIslands", "sortTake", "searchSorted")]
    for op, over in DISTRIBUTIONS.items():
        for t in types(SETS[over]):
            yield "random.cu", [f"ST_OP={op}", f"ST_TYPE={t}"], [f"random_{op}_{t}"]
    for t in types(SETS["FLT"]):
        yield "batchnorm.cu", [f"ST_TYPE={t}"], [f"batchNorm{part}_{t}" for part in ("Statistics", "Moments", "Sums", "Constants", "Apply", "Backward")]
    for op, over in POOLINGS.items():
        for t in types(SETS[over]):
            yield "pool.cu", [f"ST_OP={op}", f"ST_TYPE={t}"], [f"pool_{op}_{t}"]
    for op, over in SCANS.items():
        for t in types(SETS[over]):
            yield "scan.cu", [f"ST_OP={op}", f"ST_TYPE={t}"], [f"scan_{op}_{t}_{form}" for form in ("row", "lines", "totals")]
    for t in types(SETS["NUM"] & ~(1 << NAMES.index("i16"))):
        yield "conv.cu", [f"ST_TYPE={t}"], [f"convolution{part}_{t}" for part in ("", "Direct", "BackwardWeight", "Finish", "DirectWeight")]
    for t in ("f16", "bf16", "f32"):
        yield "conv_mma.cu", [f"ST_TYPE={t}"], [f"convolutionMma{part}_{t}_{rows}" for rows in (128, 64) for part in ("", "Weight")]
    for t in types(FULL | COMPLEX):
        yield "linalg.cu", [f"ST_TYPE={t}"], [f"linalg{part}_{t}" for part in ("Cholesky", "Panel", "Exchange", "Solve", "Householder", "Reflect", "DivideRows", "Jacobi")]


def line(file, defines, symbols):
    return f"{file} {' '.join(defines)} : {' '.join(symbols)}"


if __name__ == "__main__":
    text = "".join(line(*k) + "\n" for k in kernels())
    if "--write" in sys.argv:
        open("Kernels/list.txt", "w").write(text)
    elif open("Kernels/list.txt").read() != text:
        sys.exit("Kernels/list.txt is out of date: python3 Tools/kernel_list.py --write")
