"""Translate botocore exceptions into errors that a user can act on: one message for each cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore import exceptions as boto

from orchestrator.aws.causes import Cause, cause_of, clean_message, code_of, endpoint_of, message_of
from orchestrator.errors import DeniedError, OrchError, SetupError, ThrottledError, UnitError


@dataclass(frozen=True, slots=True)
class CallContext:
    """Details of a call that its error message can name.

    Attributes:
        account: name of the account in ``live/``.
        profile: AWS profile that the user has to log in to; None for the default.
        emulator: the call went to the emulator.
        bootstrap: the call used the bootstrap role, which the account baseline does not manage.
    """

    account: str | None = None
    profile: str | None = None
    emulator: bool = False
    bootstrap: bool = False


def translate(error: BaseException, doing: str, context: CallContext | None = None) -> OrchError:
    """Return the error to raise for a failed AWS call.

    Args:
        error: the exception that botocore raised.
        doing: what orch was doing, phrased to follow "cannot": ``read the state of prod/api``.
        context: account and profile that the message can name.

    Returns:
        `DeniedError`, `ThrottledError`, `SetupError` (credentials, configuration, network, bucket) or `UnitError`.
    """
    if isinstance(error, OrchError):
        return error
    return _MESSAGES[cause_of(error)](error, doing, context or CallContext())


def setup_failure(error: BaseException, doing: str, context: CallContext | None = None) -> OrchError:
    """Do the same as `translate` for calls that do not belong to a unit: the setup must be wrong.

    Returns:
        `ThrottledError` or `SetupError`.
    """
    translated = translate(error, doing, context)
    if isinstance(translated, SetupError | ThrottledError):
        return translated
    return SetupError(translated.what, where=translated.where, hint=translated.hint)


def _login(context: CallContext) -> str:
    profile = context.profile or "NAME"
    return f"log in (`aws sso login --profile {profile}`)"


def _no_credentials(_: BaseException, doing: str, context: CallContext) -> OrchError:
    where = f" in profile {context.profile}" if context.profile else ""
    return SetupError(
        f"cannot {doing}: no AWS credentials found{where}",
        hint=f"{_login(context)} and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
        "to try orch without AWS, use --emulator",
    )


def _no_profile(error: BaseException, doing: str, _: CallContext) -> OrchError:
    name = clean_message(str(getattr(error, "kwargs", {}).get("profile", "")))
    return SetupError(
        f"cannot {doing}: the AWS configuration has no profile {name!r}",
        hint=f"`aws configure list-profiles` lists the profiles; `aws configure sso --profile {name}` creates one",
    )


def _bad_config(error: BaseException, doing: str, _: CallContext) -> OrchError:
    return SetupError(
        f"cannot {doing}: {message_of(error)}",
        hint="fix the AWS configuration (AWS_PROFILE, AWS_CONFIG_FILE, ~/.aws/config) until "
        "`aws sts get-caller-identity` works",
    )


def _sso(_: BaseException, doing: str, context: CallContext) -> OrchError:
    profile = context.profile or "default"
    return SetupError(
        f"cannot {doing}: the SSO session of profile {profile} has expired",
        hint=f"`aws sso login --profile {profile}`",
    )


def _mfa(error: BaseException, doing: str, _: CallContext) -> OrchError:
    if isinstance(error, boto.RefreshWithMFAUnsupportedError):
        return SetupError(
            f"cannot {doing}: the MFA session has expired",
            hint="run the command again; set `duration_seconds` in the AWS profile for longer sessions",
        )
    return SetupError(f"cannot {doing}: AWS rejected the MFA code", hint="run the command again with a new code")


def _expired(_: BaseException, doing: str, context: CallContext) -> OrchError:
    return SetupError(
        f"cannot {doing}: the AWS credentials have expired",
        hint=f"{_login(context)}, or refresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    )


def _invalid(error: BaseException, doing: str, context: CallContext) -> OrchError:
    hint = "make sure that `aws sts get-caller-identity` works in this environment"
    if context.emulator:
        hint = "the emulator was restarted in the meantime: run the command again"
    return SetupError(f"cannot {doing}: AWS rejected the credentials ({code_of(error)})", hint=hint)


def _clock(_: BaseException, doing: str, __: CallContext) -> OrchError:
    return SetupError(
        f"cannot {doing}: the clock of this machine is wrong",
        hint="synchronize it (NTP): AWS rejects requests that are off by 5 minutes",
    )


def _denied(error: BaseException, doing: str, context: CallContext) -> OrchError:
    account = context.account or "ACCOUNT"
    hint = f"the role lacks this permission: `orch apply {account}/baseline` updates the roles of {account}"
    if context.bootstrap:
        hint = "`roles.bootstrap` in live/orch.yaml lacks this permission, or a service control policy denies it"
    return DeniedError(f"cannot {doing}: access denied: {message_of(error)}", hint=hint)


def _throttled(_: BaseException, doing: str, __: CallContext) -> OrchError:
    return ThrottledError(
        f"cannot {doing}: AWS throttled requests, even after retries", hint="try again later, or with a smaller -j"
    )


def _network(error: BaseException, doing: str, context: CallContext) -> OrchError:
    where = endpoint_of(error) or "AWS"
    hint = "check the network, HTTPS_PROXY and, behind a proxy that inspects TLS, AWS_CA_BUNDLE"
    if context.emulator:
        hint = "check the emulator with `orch emulator status`, start it with `orch emulator start`"
    elif isinstance(error, boto.SSLError):
        hint = "if a proxy inspects TLS, add its certificate to AWS_CA_BUNDLE"
    return SetupError(f"cannot {doing}: {where} does not answer ({_network_reason(error)})", hint=hint)


def _network_reason(error: BaseException) -> str:
    names: tuple[tuple[type[Exception], str], ...] = (
        (boto.SSLError, "untrusted certificate"),
        (boto.ProxyConnectionError, "the proxy refused the connection"),
        (boto.ConnectTimeoutError, "connection timed out"),
        (boto.ReadTimeoutError, "response timed out"),
        (boto.ConnectionClosedError, "the connection was closed"),
    )
    return next((name for kind, name in names if isinstance(error, kind)), "no connection")


def _no_bucket(error: BaseException, doing: str, context: CallContext) -> OrchError:
    name = ""
    if isinstance(error, boto.ClientError):
        name = str(error.response.get("Error", {}).get("BucketName", ""))
    return SetupError(
        f"cannot {doing}: the state bucket{f' {name}' if name else ''} does not exist",
        hint=f"`orch bootstrap {context.account or 'ACCOUNT'}`",
    )


def _other(error: BaseException, doing: str, _: CallContext) -> OrchError:
    code = code_of(error)
    return UnitError(f"cannot {doing}: {f'{code}: ' if code else ''}{message_of(error)}")


_MESSAGES: dict[Cause, Callable[[BaseException, str, CallContext], OrchError]] = {
    Cause.NO_CREDENTIALS: _no_credentials,
    Cause.NO_PROFILE: _no_profile,
    Cause.BAD_CONFIG: _bad_config,
    Cause.SSO: _sso,
    Cause.MFA: _mfa,
    Cause.EXPIRED: _expired,
    Cause.INVALID: _invalid,
    Cause.CLOCK: _clock,
    Cause.DENIED: _denied,
    Cause.THROTTLED: _throttled,
    Cause.NETWORK: _network,
    Cause.NO_BUCKET: _no_bucket,
    Cause.NO_OBJECT: _other,
    Cause.OTHER: _other,
}
