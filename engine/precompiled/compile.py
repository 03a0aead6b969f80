"""Precompiles a header, and says in OUTPUT.sum what went into it:   compile.py OUTPUT COMPILER ARGUMENT ...

A precompiled header has the paths of its sources in it, by which ccache would take equal ones of two checkouts for
different.  It looks at OUTPUT.sum instead.  The compiler runs without ccache: what came from another checkout would
name, and watch, the headers there.
"""

import hashlib
import os
import re
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

output, command = sys.argv[1], sys.argv[2:]
depfile = output + ".d"
done = subprocess.run([*command, "-o", output, "-MD", "-MF", depfile], check=False)
if done.returncode != 0:
    sys.exit(done.returncode)

with open(depfile, encoding="utf-8") as file:
    inputs = re.findall(r"(?:\\.|\S)+", file.read().replace("\\\n", " ").split(":", 1)[1])
inputs = sorted({os.path.realpath(path) for path in inputs})
total = hashlib.sha256(" ".join(command).replace(ROOT, "").encode())
for path in inputs:
    total.update(path.removeprefix(ROOT).encode())
    with open(path, "rb") as file:
        total.update(hashlib.sha256(file.read()).digest())
with open(output + ".sum", "w", encoding="ascii") as file:
    file.write(total.hexdigest() + "\n")
