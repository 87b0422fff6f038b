"""What an S3 store answered, or failed to, in the store protocol's sorts. Decides nothing else."""

import ssl

from botocore.exceptions import ClientError

from recorder.sync.stores import Exists, Sort, StoreError

_FULL = {"QuotaExceeded", "InsufficientStorage", "InsufficientCapacity", "XMinioStorageFull"}
_BUSY = {
    "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted",
    "ConditionalRequestConflict", "IncompleteBody", "BadDigest", "XAmzContentSHA256Mismatch",
}  # fmt: skip
_CLOCK = {"RequestTimeTooSkewed", "RequestExpired"}
_UNFIT = {
    "NoSuchBucket", "InvalidBucketName", "InvalidBucketState", "MethodNotAllowed", "NotImplemented",
    "ObjectLockConfigurationNotFoundError", "AuthorizationHeaderMalformed", "PermanentRedirect",
}  # fmt: skip
_BUSY_STATUS = {408, 425, 429}
_FORBIDDEN_STATUS = {401, 402, 403, 407}


class Missing(StoreError):
    """The store has no such key, or no such version."""

    def __init__(self, where: str) -> None:
        super().__init__(
            Sort.LATER, "store-missing", "the store does not have it", where=where,
            remedy="It is copied again; if that repeats itself, call whoever runs the store",
            phrase="store_busy",
        )  # fmt: skip


def sorted_answer(error: ClientError, where: str) -> StoreError:
    """A status of 300 or more, with the code of its body where it has one."""
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = _plain(error.response.get("Error", {}).get("Code", ""))
    told = f"the store answers {status} {code}".rstrip()
    if status == 412:
        return Exists(where)
    if status == 404 and code not in _UNFIT:
        return Missing(where)
    if code in _FULL or status == 507:
        return StoreError(
            Sort.FULL, "store-full", f"the store has no room left ({told})", where=where,
            remedy="Make room in the store, or raise the device's quota", phrase="store_full",
        )  # fmt: skip
    if code in _CLOCK:
        return clock_differs(f"the store finds our time too far off ({told})", where)
    if code in _UNFIT or status in (405, 501):
        return unfit(f"it cannot be the store ({told})", where)
    if status in _FORBIDDEN_STATUS:
        return StoreError(
            Sort.NOT_ALLOWED, "store-forbidden", f"the store does not let us ({told})", where=where,
            remedy="Check s3.credentials, and the device's policy against s3-policy.example.json",
            phrase="store_readonly",
        )  # fmt: skip
    if code in _BUSY or status in _BUSY_STATUS or status >= 500:
        return busy(told, where)
    if 300 <= status < 400:
        return elsewhere(told, where)
    return StoreError(
        Sort.NEVER, "store-refused", told, where=where, phrase="store_refused",
        remedy="Ask whoever runs the store why it refuses this file; it stays on the device",
    )  # fmt: skip


def unanswered(error: Exception, where: str) -> StoreError:
    """No answer at all: unreachable, broken off, or nobody who could be trusted."""
    if _distrusted(error):
        return StoreError(
            Sort.NOT_ALLOWED, "store-untrusted", f"nobody there is the store ({_plain(error)})",
            where=where, phrase="store_gone",
            remedy="Check s3.ca, the name in s3.endpoint, and the store's certificate",
        )  # fmt: skip
    return StoreError(
        Sort.LATER, "store-gone", f"the store cannot be reached ({_plain(error)})", where=where,
        remedy="Check the network and s3.endpoint; what is missing is copied then",
        phrase="store_gone",
    )  # fmt: skip


def nonsense(problem: str, where: str) -> StoreError:
    """An answer that no S3 store gives."""
    return StoreError(
        Sort.LATER, "store-nonsense", f"what answers is no S3 store ({_plain(problem)})",
        where=where, phrase="store_gone",
        remedy="Check s3.endpoint and whatever stands between the device and the store",
    )  # fmt: skip


def busy(problem: str, where: str) -> StoreError:
    """It is there, but cannot take this now."""
    return StoreError(
        Sort.LATER, "store-busy", problem, where=where, phrase="store_busy",
        remedy="It is tried again by itself; if that lasts, call whoever runs the store",
    )  # fmt: skip


def elsewhere(problem: str, where: str) -> StoreError:
    """It sends us to another place, where we never go."""
    return StoreError(
        Sort.NOT_ALLOWED, "store-elsewhere", f"it sends us elsewhere ({_plain(problem)})",
        where=where, phrase="store_readonly",
        remedy="Name the store's own address in s3.endpoint; a redirect is never followed",
    )  # fmt: skip


def unfit(problem: str, where: str) -> StoreError:
    """This bucket is no store as it is."""
    return StoreError(
        Sort.NOT_ALLOWED, "store-unfit", problem, where=where, phrase="store_readonly",
        remedy="Make a bucket with `recorder provision store s3://BUCKET` and name it in "
        "sync.store",
    )  # fmt: skip


def unlocked(problem: str, where: str) -> StoreError:
    """It would let evidence be changed or removed."""
    return StoreError(
        Sort.NOT_ALLOWED, "store-unlocked", problem, where=where, phrase="store_unlocked",
        remedy="Use a bucket that was made with versioning and Object Lock (`recorder provision "
        'store s3://BUCKET`), or say s3.lock = "none" and lose that protection',
    )  # fmt: skip


def clock_differs(problem: str, where: str) -> StoreError:
    """A lock counted from a wrong clock would hold for decades, or not at all."""
    return StoreError(
        Sort.LATER, "store-clock", problem, where=where, phrase="store_clock",
        remedy="Let the device reach a time server (chrony or timesyncd), then it goes on by "
        "itself; if the device is right, set the store's clock",
    )  # fmt: skip


def _distrusted(error: BaseException | None) -> bool:
    """Whether a certificate did not verify. A gateway that dies is an SSL error, too."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, BaseException) or id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, ssl.SSLCertVerificationError):
            return True
        waiting += [item.__cause__, item.__context__, *item.args]
    return False


def _plain(text: object) -> str:
    """A stranger's words, short and harmless to a terminal."""
    return "".join(c if c.isprintable() else "?" for c in str(text))[:200]
