"""What is judged of one execution: its budgets, its assertions, and the output that others are compared with. Pure."""

from collections.abc import Iterator

import msgspec
from msgspec import Raw, Struct, UnsetType

from sandboxd.executions.actions.assertions import mismatches
from sandboxd.executions.actions.config import Budgets, Config
from sandboxd.executions.actions.report import Error, Kind
from sandboxd.executions.actions.snapshots import canonical
from sandboxd.executions.engine import NOTHING
from sandboxd.models import Outcome, Status


class Judged(Struct, frozen=True):
    """What does not hold, as events, and the output as canonical JSON; None where there is none."""

    problems: list[tuple[Kind, Error]]
    output: str | None


class _Output(Struct):
    # of what the program gave, the part that workflows go on with
    output_fields: Raw = msgspec.field(name="outputFields", default=NOTHING)


def output_fields(outcome: Outcome) -> Raw:
    """`outputFields` of what the program gave, null where it has none; neither is built."""
    try:
        return msgspec.json.decode(outcome.value or NOTHING, type=_Output).output_fields
    except msgspec.MsgspecError:  # no object
        return NOTHING


def judge(config: Config, outcome: Outcome) -> Judged:
    """An execution that has ended."""
    problems: list[tuple[Kind, Error]] = [
        ("budget_exceeded", Error("BudgetExceeded", why)) for why in _over(config.budgets, outcome)
    ]
    ok, value = outcome.status is Status.succeeded, None
    try:
        value = None if outcome.value is None else msgspec.json.decode(outcome.value)
    except (msgspec.MsgspecError, ValueError) as problem:  # JSON, with a number that has no value here
        ok = False
        problems.append(("execution_failed", Error("ResultError", f"The result cannot be read: {problem}")))
    fields = value.get("outputFields") if isinstance(value, dict) else None
    root = {"ok": ok, "output_fields": fields, "return_value": value}
    problems += [("assertion_failed", Error("AssertionFailed", why)) for why in mismatches(config.assertions, root)]
    return Judged(problems, canonical(value) if ok else None)


def _over(budgets: Budgets, outcome: Outcome) -> Iterator[str]:
    used = {"duration_ms": outcome.usage.wall_ms, "memory_mb": outcome.usage.memory_bytes / (1 << 20)}
    for key, amount in used.items():
        budget = getattr(budgets, key)
        if not isinstance(budget, UnsetType) and amount > budget:
            yield f"{key}: {amount:.1f} is more than {budget}"
