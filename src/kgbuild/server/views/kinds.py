"""Kinds of things in words: the message ids of their names."""

from __future__ import annotations

from typing import Final

from kgbuild.server.views.layout import N_

KIND_NAMES: Final = {
    "MultilateralPlatform": N_("Multilateral platform"),
    "Network": N_("Network"),
    "Academy": N_("Academy"),
    "Secretariat": N_("Secretariat"),
    "DiplomaticMission": N_("Diplomatic mission"),
    "PoliticalPartyBody": N_("Party body"),
    "ResearchInstitute": N_("Research institute"),
    "GovernmentBody": N_("Government body"),
    "InternationalOrganization": N_("International organisation"),
    "Institution": N_("Institution"),
    "State": N_("State"),
    "Territory": N_("Territory"),
    "Person": N_("Person"),
    "UnidentifiedParty": N_("Party that is not named"),
    "Place": N_("Place"),
    "Meeting": N_("Meeting"),
    "Programme": N_("Programme"),
    "Agreement": N_("Agreement"),
    "Publication": N_("Publication"),
    "Article": N_("Article"),
    "Membership": N_("Membership"),
    "Accession": N_("Accession"),
    "Suspension": N_("Suspension"),
    "Tenure": N_("Term of office"),
    "Participation": N_("Participation"),
    "Signature": N_("Signature"),
    "Founding": N_("Founding"),
    "Succession": N_("Succession"),
    "ChangeEvent": N_("Change"),
    "Seat": N_("Seat"),
    "Naming": N_("Name"),
    "CountObservation": N_("Count"),
    "StatusObservation": N_("Status"),
    "Tie": N_("Tie"),
    "Decision": N_("Decision"),
    "Statement": N_("Statement"),
    "Proposal": N_("Proposal"),
    "Denial": N_("Denial"),
    "Claim": N_("Claim"),
    "Disagreement": N_("Disagreement"),
    "Date": N_("Date"),
}
