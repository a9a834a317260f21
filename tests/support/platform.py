"""The modules in two roots on the emulator: what an account begins with, and what a stage is made of."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.guard.policies.protected import Protected
from orchestrator.render.archive import zip_folder
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.model import PlanRecord
from orchestrator.terraform.plan.reader import empty_plan, read_plan
from orchestrator.terraform.setup.lock_file import LOCK_FILE, SHARED_LOCK_FILE
from orchestrator.terraform.state.reader import read_state
from tests.support.emulator import MANAGEMENT, REGION, Account
from tests.support.module_readme import ROOT
from tests.support.terraform import clean_env, make_root, make_terraform

_PROVIDER = f"""\
terraform {{
  required_providers {{
    aws = {{
      source  = "hashicorp/aws"
      version = "5.100.0"
    }}
  }}
}}

provider "aws" {{
  region      = "{REGION}"

  default_tags {{
    tags = {{ stage = "test" }}
  }}
}}
"""

BASELINE = """
module "baseline" {
  source              = "@modules/account_baseline"
  account_id          = "@account"
  name_prefix         = "ams"
  state_bucket        = "ams-@account-tfstate"
  trusted_account_ids = ["@management"]
  secret_prefixes     = ["/ams/"]
  password_policy     = {}

  protected_delete_apis = @deletes

  alternate_contacts = {
    SECURITY = { name = "Team", title = "Security", email = "security@example.com", phone = "+31 20 000 0000" }
  }
}

output "boundary_arn" {
  value = module.baseline.boundary_arn
}
"""

STAGE = """
variable "attributes" {
  type = map(any)
}

variable "memory" {
  type = number
}

module "identity" {
  source     = "@modules/user_pool"
  names      = { pool = "ams-test-identity", domain = "ams-test-identity-@account" }
  sign_in    = { username_attributes = ["email"] }
  mfa        = "ON"
  attributes = var.attributes
  domain     = {}

  clients = {
    web = { oauth_flows = ["code"], callback_urls = ["https://test.example.com/signed-in"] }
    job = { secret = true, auth_flows = ["REFRESH_TOKEN_AUTH"], refresh_token_validity = { value = 12, unit = "hours" } }
  }
}

module "data" {
  source = "@modules/table"
  names  = { table = "ams-test-data" }

  tables = {
    users = {
      hash_key = { name = "id" }
      ttl      = "expires_at"
      indexes  = { by-email = { hash_key = { name = "email" } } }
    }
    orders = { hash_key = { name = "id" }, range_key = { name = "at", type = "N" } }
  }
}

module "documents" {
  source = "@modules/bucket"
  names  = { bucket = "ams-test-documents-@account" }
  expire = { "tmp/" = 7 }
}

module "tasks" {
  source  = "@modules/queue"
  names   = { queue = "ams-test-tasks" }
  senders = ["@management"]
}

module "api" {
  source      = "@modules/service"
  names       = { function = "ams-test-api", role = "ams-test-api", api = "ams-test-api" }
  archive     = "archives/archive.zip"
  pool_arn    = module.identity.user_pool_arn
  audience    = [module.identity.client_ids.web]
  tables      = module.data.tables
  buckets     = { documents = { arn = module.documents.bucket_arn } }
  bpm_queue   = module.tasks.queue_arn
  boundary    = "arn:aws:iam::@account:policy/orch-boundary"
  origin      = "https://test.example.com"
  memory      = var.memory
  environment = { TABLE = module.data.tables.users.name, TASKS = module.tasks.queue_url, NOTHING = null }
  routes      = { "$default" = {}, "GET /alive" = { public = true } }
}

output "user_pool_id" {
  value = module.identity.user_pool_id
}

output "bucket" {
  value = module.documents.bucket
}

output "secrets" {
  value     = module.identity.client_secrets
  sensitive = true
}
"""


@dataclass(frozen=True, slots=True)
class Placed:
    """One root, and the account that it is for."""

    terraform: Terraform
    account: Account
    root: Root

    def acting_as(self, role: str) -> Placed:
        """The same root, under another role."""
        return replace(self, root=replace(self.root, env=environment(self.account, role)))

    def plan(self, *, destroy: bool = False) -> PlanRecord:
        """A plan, read."""
        plan, shown = self._files()
        if not self.terraform.plan(self.root, out=plan, timeout=300, destroy=destroy):
            return empty_plan(plan)
        self.terraform.show_json(self.root, plan, shown)
        return read_plan(plan, shown)

    def apply(self) -> None:
        """Apply the plan that was made last."""
        self.terraform.apply(self.root, self._files()[0], timeout=600, lock_timeout="10s")

    def outputs(self) -> Mapping[str, Any]:
        """The values of the root's outputs."""
        state = read_state((self.root.folder / "terraform.tfstate").read_bytes())
        return {name: output.value for name, output in state.outputs.items()}

    def set(self, **values: Any) -> None:
        """Give the root's variables values."""
        (self.root.folder / "terraform.tfvars.json").write_text(json.dumps(values))

    def _files(self) -> tuple[Path, Path]:
        return self.root.folder / "saved.plan", self.root.folder / "saved.json"


def place(account: Account, folder: Path, text: str) -> Placed:
    """A root for an account, initialized, under the account's all-powerful role."""
    terraform = make_terraform(folder, warm=True)
    words = {
        "@modules": str(ROOT / "modules"),
        "@account": account.id,
        "@management": MANAGEMENT,
        "@deletes": json.dumps(Protected.read(ROOT / "policies/protected.yaml").delete_apis),
    }
    for word, value in words.items():
        text = text.replace(word, value)
    root = make_root(folder / "root", {"main.tf": _PROVIDER + text}, unit="test/modules")
    shutil.copyfile(ROOT / SHARED_LOCK_FILE, root.folder / LOCK_FILE)
    (root.folder / "archives").mkdir()
    (root.folder / "archives/archive.zip").write_bytes(zip_folder(ROOT / "services/api", root=ROOT))
    placed = Placed(terraform, account, root).acting_as("OrganizationAccountAccessRole")
    terraform.init(placed.root, timeout=120)
    return placed


def environment(account: Account, role: str) -> dict[str, str]:
    """Everything that Terraform needs to act under a role in the emulator."""
    keys = {name.upper(): value for name, value in account.assume(role).items()}
    # S3's account settings are asked of ACCOUNT.HOST, which no name server knows: the emulator takes it as a proxy.
    return clean_env(AWS_ENDPOINT_URL=account.info.url, HTTP_PROXY=account.info.url, **keys)
