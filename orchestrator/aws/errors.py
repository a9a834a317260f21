"""What boto3 raises, told as what a person can act on: one function, `translate`, and one sentence for each cause."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from botocore import exceptions as boto

from orchestrator.aws.causes import Cause, cause_of, clean_message, code_of, endpoint_of, message_of
from orchestrator.errors import DeniedError, OrchError, SetupError, ThrottledError, UnitError


@dataclass(frozen=True, slots=True)
class CallContext:
    """What a message may name besides AWS's own words.

    Attributes:
        account: name of the account in ``live/``.
        profile: AWS profile whose login would help, or None for the default.
        emulator: the call went to the emulator.
        bootstrap: it was made under the bootstrap role, which no baseline makes.
    """

    account: str | None = None
    profile: str | None = None
    emulator: bool = False
    bootstrap: bool = False


def translate(error: BaseException, doing: str, context: CallContext | None = None) -> OrchError:
    """The error to raise for a failed call of AWS.

    Args:
        error: what boto3 raised.
        doing: what orch was doing, to be read after "cannot": ``read the state of prod/api``.
        context: account and profile to name; nothing is named without it.

    Returns:
        `DeniedError`, `ThrottledError`, `SetupError` (credentials, configuration, network, bucket) or `UnitError`.
    """
    if isinstance(error, OrchError):
        return error
    return _TELL[cause_of(error)](error, doing, context or CallContext())


def setup_failure(error: BaseException, doing: str, context: CallContext | None = None) -> OrchError:
    """As `translate`, for calls that no single unit needs: whatever is wrong is wrong with the setup.

    Returns:
        `ThrottledError`, or else `SetupError`.
    """
    told = translate(error, doing, context)
    if isinstance(told, SetupError | ThrottledError):
        return told
    return SetupError(told.what, where=told.where, hint=told.hint)


def _login(context: CallContext) -> str:
    profile = context.profile or "NAME"
    return f"log in (`aws sso login --profile {profile}`)"


def _no_credentials(_: BaseException, doing: str, context: CallContext) -> OrchError:
    given = f" in profile {context.profile}" if context.profile else ""
    return SetupError(
        f"cannot {doing}: there are no AWS credentials{given}",
        hint=f"{_login(context)} and set AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; "
        "to try without AWS: --emulator",
    )


def _no_profile(error: BaseException, doing: str, _: CallContext) -> OrchError:
    name = clean_message(str(getattr(error, "kwargs", {}).get("profile", "")))
    return SetupError(
        f"cannot {doing}: the AWS configuration has no profile {name!r}",
        hint=f"`aws configure list-profiles` shows those that exist; `aws configure sso --profile {name}` makes it",
    )


def _bad_config(error: BaseException, doing: str, _: CallContext) -> OrchError:
    return SetupError(
        f"cannot {doing}: {message_of(error)}",
        hint="mend the AWS configuration (AWS_PROFILE, AWS_CONFIG_FILE, ~/.aws/config); "
        "`aws sts get-caller-identity` must work",
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
            f"cannot {doing}: the session that the MFA code opened has ended",
            hint="run the command again; `duration_seconds` of the AWS profile makes the session longer",
        )
    return SetupError(f"cannot {doing}: AWS did not accept the MFA code", hint="run the command again with a new code")


def _expired(_: BaseException, doing: str, context: CallContext) -> OrchError:
    return SetupError(
        f"cannot {doing}: the AWS credentials have expired",
        hint=f"{_login(context)}, or renew AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    )


def _invalid(error: BaseException, doing: str, context: CallContext) -> OrchError:
    hint = "`aws sts get-caller-identity` must work with the same environment"
    if context.emulator:
        hint = "the emulator was started again since: run the command again, or `orch emulator reset`"
    return SetupError(f"cannot {doing}: AWS does not accept the credentials ({code_of(error)})", hint=hint)


def _clock(_: BaseException, doing: str, __: CallContext) -> OrchError:
    return SetupError(f"cannot {doing}: the clock of this machine is wrong", hint="set it (NTP); AWS refuses 5 minutes")


def _denied(error: BaseException, doing: str, context: CallContext) -> OrchError:
    account = context.account or "ACCOUNT"
    hint = f"the role needs this permission: `orch apply {account}/baseline` renews the roles of {account}"
    if context.bootstrap:
        hint = "`roles.bootstrap` in live/orch.yaml must be allowed it; a service control policy may forbid it"
    return DeniedError(f"cannot {doing}: AWS denied it: {message_of(error)}", hint=hint)


def _throttled(_: BaseException, doing: str, __: CallContext) -> OrchError:
    return ThrottledError(
        f"cannot {doing}: AWS asked to slow down, also after retries", hint="try again later, or with a smaller -j"
    )


def _network(error: BaseException, doing: str, context: CallContext) -> OrchError:
    where = endpoint_of(error) or "AWS"
    hint = "check the network, HTTPS_PROXY and, behind a proxy that inspects TLS, AWS_CA_BUNDLE"
    if context.emulator:
        hint = "the emulator does not answer: `orch emulator status`, `orch emulator start`"
    elif isinstance(error, boto.SSLError):
        hint = "a proxy that inspects TLS needs its certificate in AWS_CA_BUNDLE"
    return SetupError(f"cannot {doing}: {where} does not answer ({_kind(error)})", hint=hint)


def _kind(error: BaseException) -> str:
    names: tuple[tuple[type[Exception], str], ...] = (
        (boto.SSLError, "its certificate is not trusted"),
        (boto.ProxyConnectionError, "the proxy refuses"),
        (boto.ConnectTimeoutError, "no connection in time"),
        (boto.ReadTimeoutError, "no answer in time"),
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


_TELL: dict[Cause, Callable[[BaseException, str, CallContext], OrchError]] = {
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
