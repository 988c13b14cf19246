"""Runs every file of every suite in a sandbox of its own, and prints what passed per area and SDK.

Nothing is written into the source tree but node_modules, which git ignores.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import xml.etree.ElementTree as ElementTree
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").resolve()
IS_CI = os.environ.get("CI") == "true"
# Holds every answer and event against Stripe's description in all versions; takes three times as long.
CHECKS_SHAPES = os.environ.get("CHECK_SHAPES") == "true"
# A file takes seconds; one that takes minutes hangs.
FILE_SECONDS_MAX = 120

# Name, folder, requirements. The old SDKs share one suite, written in the style both know.
PYTHON_SUITES = [
    ("python", "python", "requirements.txt"),
    ("python (acacia)", "python-old", "requirements-acacia.txt"),
    ("python (2023-10-16)", "python-old", "requirements-2023-10-16.txt"),
]


class CannotRun(Exception):
    """What is missing on this machine, in words for whoever started this."""


class Outcome:
    """What one area did under one SDK."""

    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __str__(self):
        words = f"{self.passed} passed, {self.failed} failed"
        return f"{words}, {self.skipped} skipped" if self.skipped else words


def run_quietly(command, what, **options):
    """Says what a command printed only if it failed."""
    done = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        raise CannotRun(f"{what} failed:\n{done.stdout[-4000:]}")
    return done.stdout


def pinned(path, package):
    """The version that a requirements file pins."""
    return re.search(rf"^{package}==(\S+)", path.read_text(), re.MULTILINE).group(1)


def python_environment(requirements):
    """A virtual environment in the target folder; another one when the requirements change."""
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    home = TARGET / "sdk" / f"python-{digest}"
    ready = home / "ready"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        run_quietly([sys.executable, "-m", "venv", str(home)], "python3 -m venv (Debian: apt install python3-venv)")
        pip = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        run_quietly([*pip, "-r", str(requirements)], f"pip install -r {requirements.name}")
        ready.touch()
    return home / "bin/python"


def node_environment(wanted):
    """node_modules as the lock file says; an import looks for it beside the suite and nowhere else."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise CannotRun("needs node and npm, 20 or newer, for the suite of the Node SDK")
    major = int(run_quietly([node, "--version"], "node --version").strip().lstrip("v").split(".")[0])
    if major < 20:
        raise CannotRun(f"needs node 20 or newer, this one is {major}")
    folder = HERE / "node"
    installed = folder / "node_modules/stripe/package.json"
    if not installed.exists() or json.loads(installed.read_text())["version"] != wanted:
        run_quietly([npm, "ci", "--no-audit", "--no-fund", "--silent"], "npm ci", cwd=folder)
    return node


def sandbox_binary():
    """The binary to test: the one named, else one built now."""
    named = os.environ.get("STRIPE_SANDBOX_BIN")
    if named:
        if not os.access(named, os.X_OK):
            raise CannotRun(f"STRIPE_SANDBOX_BIN names {named}, which is no program")
        return named
    print("building stripe-sandbox", flush=True)
    build = ["cargo", "build", "--quiet", "--locked", "-p", "billing-sandbox", "--bin", "stripe-sandbox"]
    if subprocess.run(build, cwd=ROOT, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)}).returncode != 0:
        raise CannotRun("the sandbox does not build")
    return str(TARGET / "debug/stripe-sandbox")


class RunningSandbox:
    """A sandbox on a free port, ended with the block."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder

    def __enter__(self):
        # Its words go to files: a pipe that nobody reads would stop it.
        out = self.folder / "sandbox.out"
        with out.open("w") as stdout, (self.folder / "sandbox.err").open("w") as stderr:
            self.process = subprocess.Popen(
                [self.binary, "--port", "0", "--seed", "42", *(["--check-shapes"] if CHECKS_SHAPES else [])], stdout=stdout, stderr=stderr, start_new_session=True
            )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"http://\S+", out.read_text())
            if found:
                return found.group(0)
            time.sleep(0.05)
        self.__exit__()
        raise CannotRun(f"the sandbox did not start:\n{(self.folder / 'sandbox.err').read_text()[-4000:]}")

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def run_within_limit(command, **options):
    """The output and the exit code; a file that hangs is ended with all that it started."""
    process = subprocess.Popen(
        command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, **options
    )
    try:
        output, _ = process.communicate(timeout=FILE_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return f"{output}\nended after {FILE_SECONDS_MAX} s", 1
    return output, process.returncode


def area_of(file):
    """test_invoices.py and invoices.test.mjs are one area, test_story_year.py is `story year`."""
    name = re.sub(r"^test_|\.test$", "", Path(file).stem)
    return name.replace("_", " ").replace("-", " ")


def run_python(interpreter, file, environment, scratch):
    """One file under pytest, counted from its report."""
    report = scratch / "report.xml"
    command = [str(interpreter), "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--no-header"]
    output, status = run_within_limit(
        [*command, f"--junitxml={report}", f"--rootdir={file.parent}", str(file)], cwd=file.parent, env=environment
    )
    outcome = Outcome()
    if report.exists():
        for case in ElementTree.parse(report).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                outcome.failed += 1
            elif case.find("skipped") is not None:
                outcome.skipped += 1
            else:
                outcome.passed += 1
    return outcome, status, output


def run_node(node, file, environment, _scratch):
    """One file, counted from its TAP."""
    output, status = run_within_limit([node, "--test-reporter=tap", str(file)], cwd=file.parent, env=environment)
    pattern = r"^# (pass|fail|cancelled|skipped) (\d+)$"
    counts = {word: int(number) for word, number in re.findall(pattern, output, re.MULTILINE)}
    failed = counts.get("fail", 0) + counts.get("cancelled", 0)
    return Outcome(counts.get("pass", 0), failed, counts.get("skipped", 0)), status, failures_of(output)


def failures_of(tap):
    """The failed cases of a TAP report with what they say; all of it if it holds no case."""
    kept, depth = [], None
    for line in tap.splitlines():
        indent = len(line) - len(line.lstrip())
        if re.match(r"\s*not ok ", line):
            depth = indent
        elif re.match(r"\s*(ok |# )", line) or (depth is not None and line.strip() == "..."):
            depth = None
        if depth is not None:
            kept.append(line)
    return "\n".join(kept[:400]) or tap[-4000:]


def table(suites):
    """Rows are areas, columns are SDKs."""
    areas = sorted({area for _, outcomes in suites for area in outcomes})
    rows = [["", *[name for name, _ in suites]]]
    rows += [[area, *[str(outcomes.get(area, "")) for _, outcomes in suites]] for area in areas]
    totals = [
        str(Outcome(*(sum(getattr(each, count) for each in outcomes.values()) for count in ("passed", "failed", "skipped"))))
        for _, outcomes in suites
    ]
    rows.append(["all", *totals])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def prepared(word, pool):
    """What can run here: name, function, its tool and files; and what cannot, with the reason."""
    wanted = []
    for name, folder, requirements in PYTHON_SUITES:
        files = [file for file in sorted((HERE / folder).glob("test_*.py")) if word in area_of(file)]
        if files:
            path = HERE / folder / requirements
            tool = pool.submit(python_environment, path)
            wanted.append((f"{name} {pinned(path, 'stripe')}", run_python, tool, files))
    files = [file for file in sorted((HERE / "node").glob("*.test.mjs")) if word in area_of(file)]
    if files:
        lock = json.loads((HERE / "node/package-lock.json").read_text())
        version = lock["packages"]["node_modules/stripe"]["version"]
        tool = pool.submit(node_environment, version)
        wanted.append((f"node {version}", run_node, tool, files))
    ready, missing = [], []
    for name, run, tool, files in wanted:
        try:
            ready.append((name, run, tool.result(), files))
        except CannotRun as reason:
            missing.append((name, reason))
    return ready, missing


def violations(url):
    """What the sandbox found wrong with the shapes of its own answers, in all versions."""
    with urllib.request.urlopen(f"{url}/sandbox/shapes", timeout=20) as response:
        return json.load(response)["violations"]


def run_file(job, binary, scratch):
    """One file in its own sandbox: files move its clock and inject faults."""
    name, run, tool, file = job
    own = Path(tempfile.mkdtemp(dir=scratch))
    with RunningSandbox(binary, own) as url:
        environment = {**os.environ, "STRIPE_SANDBOX_URL": url, "STRIPE_SANDBOX_BIN": binary, "PYTHONDONTWRITEBYTECODE": "1"}
        outcome, status, output = run(tool, file, environment, own)
        wrong = violations(url)
    # A file that cannot be loaded or that holds no test passes nothing, and must not look green.
    if (status != 0 or not outcome.passed) and not outcome.failed:
        outcome.failed = 1
    if wrong:
        outcome.failed += len(wrong)
        output = "\n".join([output, "Answers or events of a shape that Stripe's description does not have:", *wrong])
    # A panic is caught and answered with a 500 there; the words are here.
    panics = [line for line in (own / "sandbox.err").read_text().splitlines() if "panicked at" in line]
    if panics:
        outcome.failed += len(panics)
        output = "\n".join([output, *panics])
    return name, area_of(file), outcome, output if outcome.failed else ""


def main():
    word = sys.argv[1].replace("_", " ") if len(sys.argv) > 1 else ""
    started = time.monotonic()
    with concurrent.futures.ThreadPoolExecutor() as pool, tempfile.TemporaryDirectory() as scratch:
        ready, missing = prepared(word, pool)
        for name, reason in missing:
            print(f"tests/sdk/run: {name}: {reason}", file=sys.stderr)
        if missing and IS_CI:
            return 1
        if not ready:
            print(f"tests/sdk/run: there is no suite to run{f' for {word!r}' if word else ''}", file=sys.stderr)
            return 0 if missing else 1
        binary = sandbox_binary()
        jobs = [(name, run, tool, file) for name, run, tool, files in ready for file in files]
        with concurrent.futures.ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as workers:
            results = list(workers.map(lambda job: run_file(job, binary, scratch), jobs))
    for name, area, _, output in results:
        if output:
            print(f"\n=== {name}: {area}\n{output}")
    suites = {name: {} for name, *_ in ready}
    for name, area, outcome, _ in results:
        suites[name][area] = outcome
    print("\n" + table(list(suites.items())))
    for name, _ in missing:
        print(f"SKIPPED, not tested: {name}")
    failed = sum(outcome.failed for _, _, outcome, _ in results)
    print(f"{'FAILED' if failed else 'passed'} in {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CannotRun as reason:
        print(f"tests/sdk/run: {reason}", file=sys.stderr)
        sys.exit(1)
