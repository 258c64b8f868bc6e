"""Writes Sources/CCUDA/sources.c, which makes every kernel and every header that kernels include a part of the binary: python3 Tools/kernel_sources.py, after adding a file."""
import glob
import os

HEAD = '''// The kernels' sources: one binary is all that is needed. Written by Tools/kernel_sources.py.
#include "CCUDA.h"
#pragma clang diagnostic ignored "-Wc23-extensions"

#define TEXT(name) static const char name[]
'''


def files():
    """(path, name by which NVRTC knows it, is it a header)"""
    for path in sorted(glob.glob("Kernels/*.cu")):
        yield path, os.path.basename(path), False
    for path in sorted(glob.glob("Kernels/*.cuh") + glob.glob("Kernels/*.h") + glob.glob("Sources/TorchKernels/include/st_*nary.def")):
        yield path, os.path.basename(path), True
    for path in sorted(glob.glob("Sources/TorchKernels/scalar/*.h")):
        yield path, "scalar/" + os.path.basename(path), True


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    texts, rows = [], []
    for path, name, header in files():
        symbol = "text_" + name.replace("/", "_").replace(".", "_")
        texts.append('TEXT(%s) = {\n#embed "%s"\n  , 0};\n' % (symbol, os.path.relpath(path, "Sources/CCUDA")))
        rows.append('    {"%s", %s, %s},\n' % (name, symbol, "true" if header else "false"))
    with open("Sources/CCUDA/sources.c", "w") as out:
        out.write(HEAD + "".join(texts))
        out.write("\nconst cc_source *cc_sources(int32_t *count) {\n  static const cc_source all[] = {\n" + "".join(rows) + "  };\n")
        out.write("  *count = (int32_t)(sizeof all / sizeof *all);\n  return all;\n}\n")


main()
