"""The contract of accelerators, as a suite that authors run: ``python -m lockhouse.testing PLUGIN --machines DIR``.

The plugin is asked in processes of its own (:mod:`.witness`), twice, in many cases, among them machines that were
recorded and answers that are broken (:mod:`.garbage`). What was seen (:mod:`.testimony`) is judged by
:mod:`.clauses`.
"""

from __future__ import annotations

from lockhouse.testing.contract.clauses import Breach
from lockhouse.testing.contract.examination import CLAUSES, ContractBroken, Verdict, check_contract, examine

__all__ = ["CLAUSES", "Breach", "ContractBroken", "Verdict", "check_contract", "examine"]
