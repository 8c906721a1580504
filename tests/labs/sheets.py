#!/usr/bin/env python3
"""Runs what documents tell people to type, so that it works and shows what they say.

    sheets.py SHEET.md|SHEET.md#HEADING...

With a heading only what stands under it is looked at ("#": before the first). Each line "$ command" of a ```console block is
run, in one bash for a sheet, in a folder of its own; lines "> ..." go on with the command before. It must succeed, unless the
sheet shows "(exit status N)" after it. What stands below it must be in its output: numbers, their units and the order may be
others, and "..." stands for any lines, or any part of one.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

STATUS = re.compile(r"^\(exit status (\d+)\)$")


def commands_of(text):
    """(command, shown lines) of all console blocks."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append([line[2:], []])
            elif line.startswith("> ") and not found[-1][1]:
                found[-1][0] += "\n" + line[2:]
            else:
                found[-1][1].append(line)
    return found


def form_of(line):
    """The line without parts that differ from run to run: numbers, units of time, widths of columns, bash's source."""
    line = re.sub(r"^bash: line \d+: ", "bash: ", line)
    line = re.sub(r"[0-9a-f]{8}[0-9a-f-]*|\d+(\.\d+)?( (us|ms|s)\b)?", "#", line)
    return re.sub(r"\s+", " ", line).strip()


def run_all(commands, folder):
    """The (exit status, output) of each, run by one shell."""
    script = "exec 2>&1\n"
    for index, (command, _) in enumerate(commands):
        script += f"{command}\nprintf '\\n@@%d:%d@@\\n' {index} $?\n"
    done = subprocess.run(["bash"], input=script, cwd=folder, capture_output=True, text=True, timeout=540)
    results, at = [], 0
    for match in re.finditer(r"\n@@(\d+):(\d+)@@\n", done.stdout):
        results.append((int(match[2]), done.stdout[at:match.start()]))
        at = match.end()
    return results


def complaint(shown, status, output):
    """What is wrong with a command's answer; None: nothing."""
    expected_status = 0
    if shown and STATUS.match(shown[-1]):
        expected_status = int(STATUS.match(shown[-1])[1])
        shown = shown[:-1]
    if status != expected_status:
        return f"exit status {status}, not {expected_status}"
    lines = [form_of(line) for line in output.splitlines()]
    for line in shown:
        if line.strip() in ("", "..."):
            continue
        pattern = re.compile(re.escape(form_of(line)).replace(r"\.\.\.", ".*"))
        found = next((at for at, other in enumerate(lines) if pattern.fullmatch(other)), None)
        if found is None:
            return f"it does not show: {line}"
        del lines[found]
    return None


def text_of(sheet, heading):
    """The document's text under the heading of the second level; all of it without a heading."""
    text = sheet.read_text()
    if heading is None:
        return text
    parts = re.split(r"^## (.*)\n", "\n" + text, flags=re.MULTILINE)
    return dict(zip([""] + parts[1::2], parts[::2]))[heading]


def check(name):
    path, _, heading = name.partition("#")
    sheet = Path(path)
    commands = commands_of(text_of(sheet, heading if "#" in name else None))
    if not commands:
        return [f"{name}: there is no command in it"]
    with tempfile.TemporaryDirectory(prefix="spindle-lab.") as folder:
        results = run_all(commands, folder)
        for mount in Path(folder).glob("*/.spindle/version"):
            subprocess.run(["spindle", "umount", mount.parent.parent], check=False)
    wrong = []
    for (command, shown), (status, output) in zip(commands, results):
        what = complaint(shown, status, output)
        if what:
            wrong.append(f"{sheet.name}: $ {command}\n  {what}; it said:\n{output}")
    if len(results) != len(commands):
        wrong.append(f"{sheet.name}: it ended after {len(results)} of {len(commands)} commands")
    return wrong


def main(sheets):
    wrong = [complaint for sheet in sheets for complaint in check(sheet)]
    print("\n".join(wrong) if wrong else f"{len(sheets)} sheets: all as they say")
    return 1 if wrong or not sheets else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
