"""Accelerators of Azure's machine sizes."""

import re
from typing import Any, Final

from watermaster.observe.azure_arm import Arm, UnreadError

# the model stands in the names of newer sizes: Standard_ND96isr_H100_v5
_NAMED: Final = re.compile(
    r"_(GB\d{3}|H100|H200|A100|A10|T4|MI300X|V710|RTXPRO6000\w*)(?:_|$)", re.IGNORECASE
)
# of older ones it does not; https://learn.microsoft.com/azure/virtual-machines/sizes/overview
_OLDER: Final = (
    (re.compile(r"^Standard_NC\d+r?s_v2$", re.IGNORECASE), "P100"),
    (re.compile(r"^Standard_NC\d+r?s_v3$", re.IGNORECASE), "V100"),
    (re.compile(r"^Standard_NC\d+r?$", re.IGNORECASE), "K80"),
    (re.compile(r"^Standard_ND\d+r?s$", re.IGNORECASE), "P40"),
    (re.compile(r"^Standard_ND40rs_v2$", re.IGNORECASE), "V100"),
    (re.compile(r"^Standard_ND96asr_v4$", re.IGNORECASE), "A100"),
    (re.compile(r"^Standard_NV\d+(s_v[23])?$", re.IGNORECASE), "M60"),
    (re.compile(r"^Standard_NV\d+as_v4$", re.IGNORECASE), "MI25"),
)  # fmt: skip
_GPU_FAMILY: Final = re.compile(r"^Standard_N[CDGPV]", re.IGNORECASE)


def model_of(size: str) -> str | None:
    """The accelerator of a size, by its name; None where it has none or is not known."""
    if named := _NAMED.search(size):
        return named[1].upper()
    return next((model for pattern, model in _OLDER if pattern.match(size)), None)


class Sizes:
    """How many GPUs machine sizes have, asked once per region, and only where there are any."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._known: dict[tuple[str, str], dict[str, int]] = {}
        self.gaps: dict[str, str] = {}  # region to why it was not told

    def of(self, subscription: str, region: str, size: str) -> int | None:
        """GPUs of one machine; 0 of other families, None where it was not told."""
        if not _GPU_FAMILY.match(size):
            return 0
        key = subscription, region
        if key not in self._known:
            self._known[key] = self._ask(subscription, region)
        return self._known[key].get(size.lower())

    def _ask(self, subscription: str, region: str) -> dict[str, int]:
        path = (
            f"/subscriptions/{subscription}/providers/Microsoft.Compute/skus"
            f"?api-version=2021-07-01&$filter=location%20eq%20'{region}'"
        )
        found: dict[str, int] = {}
        try:
            for one in self._arm.list(path):
                if one.get("resourceType") == "virtualMachines" and _gpus(one) is not None:
                    found[str(one.get("name")).lower()] = _gpus(one) or 0
        except UnreadError as error:
            self.gaps[region] = f"Microsoft.Compute/skus {error.reason}"
        return found


def _gpus(one: dict[str, Any]) -> int | None:
    for told in one.get("capabilities") or []:
        if told.get("name") == "GPUs" and str(told.get("value")).isdigit():
            return int(told["value"])
    return None
