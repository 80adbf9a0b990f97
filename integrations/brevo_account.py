"""What Brevo's account says about one channel: the plan, and the credits that are left."""

import json
from typing import Any, Final

from integrations.brevo_client import Answer, Silence
from services.ports import Balance, Channel

SMS_PLAN: Final = "sms"
ENDLESS: Final = "unlimited"


def balance_of(came: Answer | Silence, channel: Channel) -> Balance:
    """Return what may still be sent; an account that cannot be read is not usable."""
    if isinstance(came, Silence):
        return Balance(False, f"Brevo: {came.reason}")
    if came.status != 200:
        return Balance(False, f"Brevo answered {came.status}")
    try:
        plans = [plan for plan in json.loads(came.body)["plan"] if _is_for(plan, channel)]
        names = ", ".join(sorted(str(plan["type"]) for plan in plans))
        credits = sum(float(plan.get("credits") or 0) for plan in plans)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Balance(False, "Brevo's answer cannot be read")
    if any(plan["type"] == ENDLESS for plan in plans):
        return Balance(True, "no limit", None, names)
    return Balance(credits > 0, "credits are left" if credits > 0 else "no credits are left", credits, names)


def _is_for(plan: Any, channel: Channel) -> bool:
    return bool((plan["type"] == SMS_PLAN) == (channel is Channel.SMS))
