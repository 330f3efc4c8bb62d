"""roc-validator on a crate, without a network: its package has the profiles, ours the context."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any, ClassVar

import pytest

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
# The rocrate package brings the context of RO-Crate 1.3; these terms stood elsewhere in 1.1.
OF_1_1 = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}


class _Reply:
    """The context, as a server would send it."""

    status_code = 200
    headers: ClassVar = {"Content-Type": "application/ld+json"}

    def json(self) -> dict[str, Any]:
        from rocrate.vocabs import RO_CRATE

        context: dict[str, Any] = copy.deepcopy(RO_CRATE)
        context["@context"].update(OF_1_1)
        return context


def issues(
    folder: Path, severity: str, monkeypatch: pytest.MonkeyPatch, scratch: Path
) -> Counter[str]:
    """What roc-validator has to say of the crate in ``folder`` at this severity, with counts."""
    from rocrate_validator import models, services
    from rocrate_validator.utils.http import HttpRequester

    def get(self: HttpRequester, url: str, **options: Any) -> _Reply:
        assert url == CONTEXT, f"the validator asks for {url}"
        return _Reply()

    monkeypatch.setattr(HttpRequester, "get", get, raising=False)
    settings = services.ValidationSettings(
        rocrate_uri=str(folder),
        profile_identifier="provenance-run-crate",
        requirement_severity=models.Severity[severity],
        cache_path=scratch / "cache",
        offline=True,
    )
    return Counter(str(issue.message) for issue in services.validate(settings).get_issues())
