"""Compiles every kernel of the contract with NVRTC to machine code, without a GPU: python Tools/nvrtc_compile.py [--arch sm_90] [--only GLOB] [--keep DIR].

Several compilations go into one program, as each file can be included again with other definitions: that shares the work of the preamble. Exit status 1 if something fails,
a symbol is missing, a kernel spills registers, or takes much stack (local arrays)."""
import argparse
import concurrent.futures
import ctypes
import fnmatch
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(__file__))
import kernel_list


class NVRTC:
    def __init__(self):
        import nvidia
        folders = [f for root in nvidia.__path__ for f in glob.glob(root + "/*/lib")]
        library = next(p for f in folders for p in sorted(glob.glob(f + "/libnvrtc.so.1?")))
        self.api = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
        major, minor = ctypes.c_int(), ctypes.c_int()
        self.api.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        self.version = (major.value, minor.value)
        # The library opens its builtins by their bare name; loaded once, they are found.
        ctypes.CDLL(f"{os.path.dirname(library)}/libnvrtc-builtins.so.{major.value}.{minor.value}", mode=ctypes.RTLD_GLOBAL)

    def compile(self, name, source, headers, options):
        """(cubin or None, log)"""
        program = ctypes.c_void_p()
        texts = (ctypes.c_char_p * len(headers))(*[t.encode() for t in headers.values()])
        names = (ctypes.c_char_p * len(headers))(*[n.encode() for n in headers])
        assert self.api.nvrtcCreateProgram(ctypes.byref(program), source.encode(), name.encode(), len(headers), texts, names) == 0
        flags = (ctypes.c_char_p * len(options))(*[o.encode() for o in options])
        result = self.api.nvrtcCompileProgram(program, len(options), flags)
        size = ctypes.c_size_t()
        self.api.nvrtcGetProgramLogSize(program, ctypes.byref(size))
        log = ctypes.create_string_buffer(size.value)
        self.api.nvrtcGetProgramLog(program, log)
        cubin = None
        if result == 0:
            self.api.nvrtcGetCUBINSize(program, ctypes.byref(size))
            data = ctypes.create_string_buffer(size.value)
            self.api.nvrtcGetCUBIN(program, data)
            cubin = data.raw
        self.api.nvrtcDestroyProgram(ctypes.byref(program))
        return cubin, log.value.decode(errors="replace")


def headers():
    """What kernels include, by the names they include it with."""
    found = {}
    for path in glob.glob("Kernels/*.cuh") + glob.glob("Kernels/*.h") + glob.glob("Kernels/*.cu"):
        found[os.path.basename(path)] = open(path).read()
    for path in glob.glob("Sources/TorchKernels/scalar/*.h"):
        found["scalar/" + os.path.basename(path)] = open(path).read()
    for path in glob.glob("Sources/TorchKernels/include/*.def"):
        found[os.path.basename(path)] = open(path).read()
    return found


def batches(work, size):
    """Groups of (file, defines, symbols), each of one file."""
    group = []
    for k in work:
        if group and (group[0][0] != k[0] or len(group) == size):
            yield group
            group = []
        group.append(k)
    if group:
        yield group


def batch_source(group):
    text = []
    for file, defines, _ in group:
        names = [d.partition("=")[0] for d in defines]
        text += [f"#define {d.replace('=', ' ', 1)}" for d in defines] + [f'#include "{file}"'] + [f"#undef {n}" for n in names]
    return "\n".join(text) + "\n"


def resources(log):
    """[(function, registers, bytes of stack, bytes of spilled registers)] of the assembler's report; a function that is called has no registers of its own."""
    found = []
    for part in log.split("Function properties for ")[1:]:
        m = re.match(r"(\S+)\n.*?(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", part)
        used = re.search(r"Used (\d+) registers", part)
        if m:
            found.append((m[1], int(used[1]) if used else 0, int(m[2]), int(m[3]) + int(m[4])))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("--only", default="*", help="glob over symbols")
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--keep", help="folder for the cubins")
    parser.add_argument("--stack", type=int, default=128, help="most bytes of stack (local arrays) of a kernel")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="compilations at a time")
    options = parser.parse_args()
    nvrtc, known, failures, compiled, size = NVRTC(), headers(), 0, 0, 0
    flags = ["--std=c++20", f"--gpu-architecture={options.arch}", "-default-device", "--ptxas-options=-v"]
    work = [k for k in kernel_list.kernels() if any(fnmatch.fnmatch(s, options.only) for s in k[2])]
    begin, usage = time.time(), []

    def compile_group(group):
        """[(compilations, cubin, log)]: one, or one for each where the batch fails, to name what does."""
        cubin, log = nvrtc.compile("batch.cu", batch_source(group), known, flags)
        return [(group, cubin, log)] if cubin else [([k], *nvrtc.compile("kernel.cu", batch_source([k]), known, flags)) for k in group]

    # NVRTC runs without Python's lock.
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for part, cubin, log in (p for parts in pool.map(compile_group, batches(work, options.batch)) for p in parts):
            if not cubin:
                failures += 1
                print(f"FAILED {kernel_list.line(*part[0])}\n{log[:3000]}")
                continue
            size += len(cubin)
            if options.keep:
                os.makedirs(options.keep, exist_ok=True)
                with open(f"{options.keep}/{part[0][2][0]}.cubin", "wb") as f:
                    f.write(cubin)
            for file, defines, symbols in part:
                for s in symbols:
                    compiled += 1
                    if s.encode() + b"\0" not in cubin:
                        failures += 1
                        print(f"MISSING {s} in {file} {' '.join(defines)}")
            usage += resources(log)
    if len(usage) < compiled:
        failures += 1
        print(f"the assembler reported {len(usage)} functions only")
    for name, _, stack, spilled in usage:
        if spilled:
            failures += 1
            print(f"SPILLS {name}: {spilled} bytes of registers stored and loaded")
        if stack > options.stack:
            failures += 1
            print(f"STACK {name} takes {stack} bytes of stack a thread")
    print(f"NVRTC {nvrtc.version[0]}.{nvrtc.version[1]} {options.arch}: {compiled} kernels of {len(work)} compilations, {size / 1e6:.1f} MB, {time.time() - begin:.1f} s, {failures} failures")
    if usage:
        most = max(usage, key=lambda u: u[1])
        stacks = sorted((u for u in usage if u[2]), key=lambda u: -u[2])
        spills = sum(1 for u in usage if u[3])
        print(f"registers: at most {most[1]} ({most[0]}); {spills} of {len(usage)} functions spill; {len(stacks)} use stack" + (f", at most {stacks[0][2]} bytes ({stacks[0][0]})" if stacks else ""))
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
