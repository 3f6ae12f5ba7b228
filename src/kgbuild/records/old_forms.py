"""What records of the ontology's first edition say otherwise, and how the second one says it: findings, no aliases."""

from __future__ import annotations

from typing import Final

OLD_FORM: Final = "old-form"
"""The code of such findings."""
ROLES: Final = {
    "founding-member": "standing: member, features: founding",
    "full-member": "standing: member, features: full",
    "honorary-member": "standing: member, features: honorary",
    "individual-member": "standing: member, features: individual",
    "institutional-member": "standing: member, features: institutional",
    "non-regional-member": "standing: member, features: non-regional",
    "permanent-member": "standing: member, features: permanent",
    "permanent-observer": "standing: observer, features: permanent",
    "founding-participant": "standing: participant, features: founding",
    **{
        role: f"standing: {role}"
        for role in (
            "associate", "development-partner", "dialogue-partner", "guest", "member", "observer", "participant",
            "partner", "strategic-partner",
        )
    },
}  # fmt: skip
"""Role of a membership -> what says it now."""
_BENEFICIARY: Final = "Who benefits is no member: write `- tie: {from: …, to: …, type: serves}`, or an accession."
_POLITY: Final = "States and territories are polities: "
_STATUS: Final = "What it is in law is a claim: `- status: {of: …, is: sovereign-state}`."
OLD_FORMS: Final[dict[tuple[str, str], str]] = {
    ("membership", "role"): "Write `standing:`, such as member or observer, and `features:` for what it has besides.",
    **{("role", role): f"Write `{now}`." for role, now in ROLES.items()},
    ("role", "beneficiary"): _BENEFICIARY,
    ("standing", "beneficiary"): _BENEFICIARY,
    **{("standing", role): f"Write `{now}`." for role, now in ROLES.items() if "features" in now},
    ("programme", "partners"): "Write `with:`.",
    ("programme", "partner"): "Write `with:`.",
    ("tie-type", "partner"): "Write `type: cooperates`; for a status that an organization grants, `- membership: "
    "{of: …, in: …, standing: partner}`.",
    ("tie-type", "predecessor"): "Write `- change: {type: replacement, original: <from>, resulting: <to>}`.",
    ("office", "acting-rector"): "Write `as: rector, manner: acting`.",
    ("name-kind", "former"): "Leave `kind` out, and say with `until:` when the name ended.",
    **{
        ("unidentified", word): f"{_POLITY}write `unidentified: polity`." for word in ("state", "territory")
    },
    **{
        ("entities", kind): f"{_POLITY}move the file to data/entities/polity/. {_STATUS}"
        for kind in ("state", "territory")
    },
    **{("polity/type", name): f"{_POLITY}leave `type` out. {_STATUS}" for name in ("State", "Territory")},
    ("change", "of"): "Leave `of` out, and name both sides: `original: […]`, all that went in, and `resulting: […]`, "
    "all that came out.",
}  # fmt: skip
"""(where, word) -> remedy.  Where: the kind of claim, for a field; the vocabulary, for a concept; `role`, for what
stood there; `unidentified`, `entities` and `polity/type`, for a class, a folder and an entity's type."""


def new_form(where: object, word: object, value: object = None) -> str:
    """Tell how what stands in the old form is written now, for a field by its value; "" for what is no old form.

    >>> new_form("membership", "role", "founding-member")
    'Write `standing: member, features: founding`.'
    """
    remedy = OLD_FORMS.get((str(where), str(word)), "")
    return OLD_FORMS.get((str(word), str(value)), remedy) if remedy else ""
