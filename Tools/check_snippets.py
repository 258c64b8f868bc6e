"""Type-checks every ```swift block of the README and of the doc comments against the built modules.

  python3 Tools/check_snippets.py MODULES            (the folder with Torch.swiftmodule)

A block may use the names of `GIVEN` as if they were there before it. Blocks of CONTRIBUTING belong inside the library, and the manifest's line needs the package
manager: they are left out.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

GIVEN = """x: Tensor, y: Tensor, a: Tensor, b: Tensor, weight: Tensor, bias: Tensor, loss: Tensor, model: Sequential, net: Sequential, optimizer: Adam, inputs: Tensor,
    targets: Tensor, pictures: Tensor, labels: Tensor, dataset: TensorDataset, table: OperatorTable.Type"""
modules = sys.argv[1]


def blocks(path):
    """Line number and text of each block; the comment's slashes removed."""
    lines, start, block = open(path, encoding="utf-8").read().split("\n"), None, []
    for n, line in enumerate(lines, 1):
        text = re.sub(r"^\s*/// ?", "", line) if path.endswith(".swift") else line
        if start is None and text.strip() == "```swift" and (path.endswith(".md") or line.lstrip().startswith("///")):
            start, block = n, []
        elif start is not None and text.strip() == "```":
            yield start, "\n".join(block)
            start = None
        elif start is not None:
            block.append(text)


found = failed = 0
for path in ["README.md"] + sorted(glob.glob("Sources/**/*.swift", recursive=True)):
    for line, text in blocks(path):
        if ".package(" in text:
            continue
        found += 1
        # Types and imports stand outside of functions; Swift lets types stand inside too, so only imports are taken out.
        imports = "\n".join(l for l in text.split("\n") if l.startswith("import "))
        body = "\n".join(l for l in text.split("\n") if not l.startswith("import "))
        source = f"import Torch\n{imports}\nfunc snippet({GIVEN}) async throws {{ do {{\n#sourceLocation(file: \"{path}\", line: {line + 1})\n{body}\n#sourceLocation()\n}} }}\n"
        with tempfile.NamedTemporaryFile("w", suffix=".swift", delete=False) as f:
            f.write(source)
        maps = [f"-Xcc -fmodule-map-file={m}" for m in glob.glob(f"{os.path.dirname(modules)}/*.build/module.modulemap")]
        includes = [f"-Xcc -I{d}" for d in glob.glob(".build/checkouts/swift-numerics/Sources/_NumericsShims/include")]
        command = f"swiftc -typecheck -swift-version 6 -suppress-warnings -I {modules} -I Sources/TorchKernels/include -I Sources/CCUDA/include {' '.join(maps + includes)} {f.name}"
        run = subprocess.run(command.split(), capture_output=True, text=True)
        os.unlink(f.name)
        if run.returncode:
            failed += 1
            print("\n".join(l for l in run.stderr.split("\n") if "error:" in l) or run.stderr)
print(f"{found - failed} passed, {failed} failed")
sys.exit(failed > 0 or found == 0)
