"""A file with everything that HCL has, and ways to damage it."""

from __future__ import annotations

import random
from collections.abc import Iterator

EVERYTHING = """\
# a comment
variable "a" {
  type = object({ a = string, b = optional(number, -3)
  c = map(list(string)) })
  description = <<-EOT
    Hello
      world $${x}
  EOT
  default = { "x-y" = 1, for = 2 }
}
locals { x = var.a.b-c[0]["k"].z.0 }
locals {
  y = { for k, v in local.x : k => v... if v != null }
  z = [for x in
    y : x]
  s = "a${var.a["b"]}c%{ if true ~} x %{ else }y%{ endif }"
  h = templatefile("${path.module}/x", {
    a = 1
    b : 2,
  })
  t = a ? b : c
  u = -a + !b * (
  3)
  v = provider::aws::arn_parse("x")
  w = foo(a...)
  q = <<EOT
x ${ upper(<<EOX
inner
EOX
) } y
EOT
  r = a.*.b[*].c
}
resource "x" "y" {}
output "x" {
  value = "$$${a} $${b} %%{ if x } $ % $x"  // c
  /* over
  lines */
  depends_on = [
    aws_x.y, # foo
    data.z.w["a${b}"],
  ]
  dynamic "foo" {
    for_each = [1, 2]
    content { a = foo.value }
  }
}
"""

BITS = [
    '"',
    "${",
    "}",
    "{",
    "(",
    ")",
    "[",
    "]",
    "\n",
    ",",
    "=",
    ".",
    "%{",
    "<<EOT\n",
    "EOT",
    " a ",
    "1",
    "?",
    ":",
    "\\",
]
MORE_BITS = ["/*", "#", "-", "!", "=>", "...", "~", "$$", "for", " ", "\r\n", "\t", "&&", "//", "*"]


def damaged(seed: int, count: int) -> Iterator[str]:
    """The file with one or two small damages; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - test data, no secret
    for _ in range(count):
        text = EVERYTHING
        for _ in range(chance.choice([1, 1, 1, 2])):
            text = _damage(text, chance)
        yield text


def _damage(text: str, chance: random.Random) -> str:
    place = chance.randrange(len(text))
    kind = chance.random()
    if kind < 0.4:
        return text[:place] + text[place + 1 :]
    if kind < 0.8:
        return text[:place] + chance.choice(BITS + MORE_BITS) + text[place:]
    other = chance.randrange(len(text))
    return text[:place] + text[other : other + 3] + text[place:]
