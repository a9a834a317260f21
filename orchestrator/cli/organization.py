"""What `orch bootstrap` does in AWS Organizations: it creates accounts and moves them to their places."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orchestrator.aws.causes import Cause, cause_of, code_of
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.organization.creation import CREATION_POLL_SECONDS, NewMember, create_member, find_member
from orchestrator.aws.organization.organization import Organization, Place
from orchestrator.cli.aws import Aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_progress
from orchestrator.cli.project import Project, open_project
from orchestrator.config.catalogue import Account
from orchestrator.config.edit.account_file import account_file, write_account_id
from orchestrator.errors import DeniedError, OrchError, SetupError, UsageError
from orchestrator.run.apply_rules import in_ci

_ROLE_WAIT_SECONDS = 300.0
"""How long the role in a new account may take to become usable."""
_NOT_READY = frozenset({"NotSignedUp", "OptInRequired", "SubscriptionRequiredException"})
"""What services answer for an account that they do not know yet."""


@dataclass(frozen=True, slots=True)
class OrganizationStep:
    """One step in the organization, not yet done.

    Attributes:
        account: the account.
        new: what to create; None if the account exists.
        known: id of an account of the organization that already has the e-mail address; empty if there is none.
        source, destination: where the account is and where it belongs, if it must move; else None.
    """

    account: Account
    new: NewMember | None = None
    known: str = ""
    source: str | None = None
    destination: Place | None = None

    @property
    def changes(self) -> tuple[str, ...]:
        """The step in words."""
        lines = []
        if self.new is not None and self.known:
            lines.append(f"write the id {self.known} of {self.new.email} to {account_file(self.account.name)}")
        elif self.new is not None:
            lines.append(f"create the AWS account {self.new.name} for {self.new.email}")
        if self.destination is not None:
            lines.append(f"move it to the organizational unit {self.destination.name}")
        return tuple(lines)


def organization_steps(
    common: Common, project: Project, aws: Aws, accounts: Sequence[Account]
) -> tuple[OrganizationStep, ...]:
    """Return what accounts lack in the organization; change nothing. CI neither creates nor moves an account.

    An account that exists needs no organization for the rest: if that cannot be read, a line says so.

    Raises:
        SetupError: an account must be created, and the organization cannot be used for it.
        UsageError: an account must be created, and this is CI.
        ThrottledError: AWS still throttled a request after retries.
    """
    steps = []
    for account in accounts:
        if account.organization is None:
            continue
        if in_ci(os.environ) and aws.emulator is None:
            if account.created:
                continue
            message = f"the account {account.name} does not exist, and CI creates none"
            raise UsageError(message, where=account.at, hint=f"run `orch bootstrap {account.name}` at a terminal")
        try:
            step = _step(project, aws, account)
        except OrchError as error:
            if not account.created:
                raise
            print_progress(common, f"{account.name}: its place in the organization was not checked: {error.what}")
            continue
        if step is not None:
            steps.append(step)
    return tuple(steps)


def carry_out(common: Common, project: Project, aws: Aws, steps: Sequence[OrganizationStep]) -> Project:
    """Create and move accounts, write the ids to their files, and return the project as it is then.

    Each id is written before anything else is done in its account, so an interrupted command can be run again.

    Raises:
        SetupError: an account was not created, has no id, or cannot be entered; or its file cannot be written.
        ThrottledError: AWS still throttled a request after retries.
    """
    if not steps:
        return project
    for step in steps:
        _carry_out(common, project, aws, step)
    project = open_project(common)
    for step in steps:
        if step.new is not None and not step.known:
            wait_for_role(common, project, aws, step.account.name)
    return project


def _step(project: Project, aws: Aws, account: Account) -> OrganizationStep | None:
    membership = account.organization
    assert membership is not None  # noqa: S101  # the caller asks only about accounts that have one
    organization = _organization(project, aws, account)
    organization.check()
    destination = organization.place(membership)
    if not account.created:
        new = NewMember.of(account, membership, project.catalogue.settings.name)
        known = find_member(organization, new)
        if known is not None:
            _check_free(project, account, known.id)
        source = organization.parent(known.id) if known is not None else organization.root().id
        moves = destination is not None and destination.id != source
        return OrganizationStep(
            account, new, known.id if known is not None else "", source, destination if moves else None
        )
    source = organization.parent(account.id)
    if source is None:
        if aws.emulator is not None:  # it has the accounts of live/, but not as members of its organization
            return None
        message = f"the organization of {project.catalogue.settings.management} has no account {account.id}"
        hint = f"correct `id`; or, if {account.name} is still to be created, remove it"
        raise SetupError(message, where=account.at, hint=hint)
    if destination is None or destination.id == source:
        return None
    return OrganizationStep(account, source=source, destination=destination)


def _carry_out(common: Common, project: Project, aws: Aws, step: OrganizationStep) -> None:
    organization, name = _organization(project, aws, step.account), step.account.name
    id_, new = step.account.id, step.new
    if new is not None:
        wait = f"{name}: AWS creates the account {new.name}, which takes a minute."
        id_ = create_member(organization, new, on_wait=lambda: print_progress(common, wait))
        _check_free(project, step.account, id_)
        write_account_id(project.catalogue.root, name, id_)
        warning = " It is an account of the emulator only: do not commit it." if aws.emulator is not None else ""
        print_progress(common, f"{name}: wrote the id {id_} to {account_file(name)}.{warning}")
    source = organization.parent(id_) if new is not None else step.source
    if step.destination is not None and source is not None and source != step.destination.id:
        organization.move(id_, source, step.destination.id)
        print_progress(common, f"{name}: moved to {step.destination.name}")


def _organization(project: Project, aws: Aws, account: Account) -> Organization:
    settings = project.catalogue.settings
    return Organization(Identities(project.catalogue, aws.emulator), account, settings.management, settings.region)


def _check_free(project: Project, account: Account, id_: str) -> None:
    """Refuse an account that is something else already.

    Raises:
        SetupError: it is the management account, or another one of ``live/``.
    """
    owner = next((each.name for each in project.catalogue.accounts.values() if each.id == id_), None)
    if id_ == project.catalogue.settings.management:
        owner = "the management account"
    if owner is not None:
        membership = account.organization
        address = membership.email if membership is not None else ""
        message = f"account {id_}, which has the e-mail address {address}, is {owner}"
        raise SetupError(message, where=account.at, hint="use another e-mail address")


def wait_for_role(
    common: Common,
    project: Project,
    aws: Aws,
    name: str,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Wait until the role in a new account can be assumed, and S3 knows the account: AWS needs minutes for both.

    Raises:
        SetupError: it cannot, even after minutes; or something else is wrong, which waiting does not mend.
    """
    until, said = clock() + _ROLE_WAIT_SECONDS, False
    while (error := _entry_failure(project, aws, name)) is not None:
        if not _passing(error) or clock() >= until or aws.emulator is not None:
            raise error
        if not said:
            print_progress(common, f"{name}: waiting until the role in the new account can be assumed")
            said = True
        sleep(CREATION_POLL_SECONDS)


def _entry_failure(project: Project, aws: Aws, name: str) -> OrchError | None:
    """Return why the bootstrap role of an account cannot be used yet; None if it can."""
    account, identities = project.account(name), Identities(project.catalogue, aws.emulator)
    try:
        identities.confirm(account, Role.BOOTSTRAP)
        client = identities.client("s3", account, Role.BOOTSTRAP)
        identities.call(account, "list the buckets", client.list_buckets)
    except DeniedError:
        return None  # to list buckets is not needed: S3 has answered for the account
    except OrchError as error:
        return error
    return None


def _passing(error: OrchError) -> bool:
    """Return whether AWS answers so while an account is new."""
    cause = error.__cause__
    return cause is not None and (cause_of(cause) is Cause.DENIED or code_of(cause) in _NOT_READY)
