"""How bad it is when one of checkov's own checks fails. checkov publishes no severities without its platform.

The ratings are orch's own. A check that is in no list is ``MEDIUM``.

- ``CRITICAL``: everybody on the internet, or every principal of AWS, gets data, credentials or full rights.
- ``HIGH``: data is not encrypted at rest or in transit, or a network or a right is open far wider than needed.
- ``LOW``: customer managed keys where AWS encrypts already, logging and tracing, costs and conventions.
"""

from __future__ import annotations

SEVERITIES = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
"""From the least to the most severe."""

_CRITICAL = frozenset(
    {17, 20, 24, 25, 32, 33, 38, 41, 45, 46, 53, 54, 55, 56, 57, 62, 63, 69, 70, 87, 89, 102, 164, 167, 168, 169}
    | {205, 258, 274, 277, 286, 287, 295, 301, 302, 303, 348}
)
_HIGH = frozenset(
    {2, 3, 5, 6, 8, 16, 19, 26, 27, 29, 30, 31, 34, 39, 42, 43, 44, 47, 58, 59, 60, 61, 64, 72, 74, 77, 78, 79, 81, 82}
    | {83, 88, 90, 94, 96, 97, 98, 99, 100, 105, 106, 122, 140, 146, 155, 156, 174, 202, 206, 210, 213, 214, 215, 220}
    | {228, 229, 230, 231, 232, 235, 239, 240, 260, 279, 288, 289, 290, 291, 292, 308, 309, 316, 334, 335, 349, 350}
    | {351, 352, 355, 357}
)
_LOW = frozenset(
    {22, 23, 35, 37, 48, 50, 65, 71, 73, 75, 76, 80, 84, 85, 86, 91, 92, 101, 104, 113, 115, 116, 118, 119, 120, 124}
    | {126, 129, 135, 136, 138, 142, 144, 145, 147, 149, 152, 153, 158, 160, 166, 173, 176, 177, 178, 179, 180, 181}
    | {182, 183, 184, 185, 186, 187, 189, 190, 191, 193, 194, 195, 197, 199, 200, 201, 203, 204, 209, 212, 216, 217}
    | {219, 221, 223, 224, 225, 233, 234, 236, 237, 241, 242, 243, 244, 245, 246, 247, 252, 254, 256, 261, 262, 263}
    | {264, 265, 266, 267, 268, 269, 270, 271, 278, 280, 281, 282, 284, 285, 294, 296, 297, 298, 304, 305, 310, 311}
    | {312, 313, 314, 315, 317, 319, 320, 324, 325, 327, 337, 338, 345, 346, 347, 353, 354}
)
_GRAPH_HIGH = frozenset({"CKV2_AWS_6", "CKV2_AWS_40", "CKV2_AWS_43", "CKV2_AWS_12"})


def severity_of(check: str) -> str:
    """Return how bad it is when a check of checkov fails: one of ``SEVERITIES``.

    Args:
        check: the id of the check, e.g. ``CKV_AWS_53``.
    """
    head, _, number = check.rpartition("_")
    if check in _GRAPH_HIGH:
        return "HIGH"
    if head != "CKV_AWS" or not number.isdecimal():
        return "MEDIUM"
    rated = int(number)
    return "CRITICAL" if rated in _CRITICAL else "HIGH" if rated in _HIGH else "LOW" if rated in _LOW else "MEDIUM"


def wanted(check: str, selected: tuple[str, ...]) -> bool:
    """Return whether a check is selected: by its id, or by a severity that is not above its own."""
    rank = SEVERITIES.index(severity_of(check))
    return any(check == each or (each in SEVERITIES and SEVERITIES.index(each) <= rank) for each in selected)
