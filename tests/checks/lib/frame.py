"""What all checks have in common: the tree that they look at, small trees for the proof that they can fail, and how they
print what they found."""

import contextlib
import os
import sys
import tempfile


def root():
    """The tree that the command line names, else the one that this file is part of."""
    return sys.argv[1] if len(sys.argv) > 1 else os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def write_tree(folder, files):
    """FILES: {path below FOLDER: text}."""
    for path, text in files.items():
        whole = os.path.join(folder, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "w", encoding="utf-8") as file:
            file.write(text)


@contextlib.contextmanager
def tree(files):
    """A folder with FILES in it, while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        write_tree(folder, files)
        yield folder


def planted(good, bad, find):
    """The proof for a check whose faults are found one by one. GOOD: {path: text}, a tree without a fault; BAD: rows of
    (name, path, what stands there, what is put in its place, a part of the one problem that is then found); FIND: problems
    of the tree at a path. Returns {name: problems}."""
    results = {}
    with tree(good) as folder:
        results["self-test: a good tree"] = list(find(folder))
    for name, path, old, new, expected in bad:
        assert old in good[path], (name, old)
        with tree(good | {path: good[path].replace(old, new, 1)}) as folder:
            found = list(find(folder))
        fine = len(found) == 1 and expected in found[0]
        results[f"self-test: {name} is found"] = [] if fine else [f"this was said: {found}"]
    return results


def finish(results):
    """Prints RESULTS, {name: problems}, and returns the exit status."""
    failed = 0
    for name, problems in results.items():
        failed += bool(problems)
        print(f"FAIL {name}: " + "\n     ".join(problems) if problems else f"ok {name}")
    print(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0
