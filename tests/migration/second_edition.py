"""Takes records of the ontology's first edition over into the second: `python tests/migration/second_edition.py DATA`.

It rewrites only what has one meaning in the new form, line by line, and leaves the rest of a file as it is; what needs
a reader is printed with its place. Kept until the records of all branches are taken over.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from kgbuild.records.old_forms import ROLES

REPLACED = (
    (r"(- tie: .*)\btype: partner\b", r"\1type: cooperates"),
    (r"(- programme: .*)\bpartners:", r"\1with:"),
    (r"(- tenure: .*)\bas: acting-rector\b", r"\1as: rector, manner: acting"),
    (r"(- name: .*), kind: former\b", r"\1"),
    (r"- tie: \{from: ([^,{}]+), to: ([^,{}]+), type: predecessor\}",
     r"- change: {type: replacement, original: \1, resulting: \2}"),
    (r"\{unidentified: (state|territory)\b", r"{unidentified: polity"),
)  # fmt: skip
UNCLEAR = (
    (r"role: beneficiary", "who benefits is no member: write a tie of type serves, or an accession"),
    (r"type: predecessor", "write a change of type replacement: original, resulting"),
    (r"- change: .*type: (merger|absorption|split)\b.*", "name all that went in and all that came out, and no `of`"),
    (r"- tie: .*type: partner", "write cooperates, or a membership with standing partner"),
)
"""What only a reader of the page can decide."""


def renew(line: str) -> str:
    """Write a line of a record in the new form.

    >>> renew("  - membership: {of: a, in: b, role: founding-member, joined: 2023}")
    '  - membership: {of: a, in: b, standing: member, features: founding, joined: 2023}'
    """
    line = re.sub(r"(?<=[{ ])role: ([a-z-]+)", lambda m: ROLES.get(m[1], m[0]), line)
    for old, new in REPLACED:
        line = re.sub(old, new, line)
    return line


def main(data: Path) -> None:
    """Take the records below a folder over."""
    for path in sorted(data.rglob("*.yaml")):
        before = path.read_text(encoding="utf-8").split("\n")
        after = [renew(line) for line in before]
        for number, line in enumerate(after, 1):
            for pattern, remedy in UNCLEAR:
                if re.search(pattern, line):
                    print(f"{path}:{number} {remedy}")
        if after != before:
            path.write_text("\n".join(after), encoding="utf-8")
    for old in ("state", "territory"):
        for path in sorted((data / "entities" / old).glob("*.yaml")):
            (data / "entities" / "polity").mkdir(exist_ok=True)
            shutil.move(path, data / "entities" / "polity" / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
