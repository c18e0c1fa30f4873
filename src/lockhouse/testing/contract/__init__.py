"""The contract of accelerators, as a suite that authors run: ``python -m lockhouse.testing PLUGIN --machines DIR``.

The plugin is asked in processes of its own (:mod:`.witness`), twice, in many cases, among them machines that were
recorded and answers that are broken (:mod:`.garbage`). What was seen (:mod:`.testimony`) is judged clause
by clause, about its conduct (:mod:`.conduct`), its answers (:mod:`.answering`) and its variants (:mod:`.variants`).
"""

from __future__ import annotations

from lockhouse.testing.contract.examination import CLAUSES, ContractBroken, Verdict, check_contract, examine
from lockhouse.testing.contract.hearing import Breach

__all__ = ["CLAUSES", "Breach", "ContractBroken", "Verdict", "check_contract", "examine"]
