"""Does an object store keep one of two commits? Two writers of the same name are told apart only by the store itself.

Delta commits by writing a file that must not be there yet (`If-None-Match: *`). A store that takes the header and
writes all the same loses commits without a word; so it is asked, once, before a lake is begun there. The request is
signed as the store's own documentation says (AWS Signature Version 4, with an unsigned body).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit
from urllib.request import Request, urlopen

from crmlib.core.errors import LakeError

WAIT = 20
"""Seconds [s]."""
NAMES = {
    "endpoint": ("AWS_ENDPOINT_URL", "AWS_ENDPOINT", "AWS_ENDPOINT_URL_S3", "ENDPOINT", "ENDPOINT_URL"),
    "region": ("AWS_REGION", "AWS_DEFAULT_REGION", "REGION"),
    "id": ("AWS_ACCESS_KEY_ID", "ACCESS_KEY_ID"),
    "key": ("AWS_SECRET_ACCESS_KEY", "SECRET_ACCESS_KEY"),
    "session": ("AWS_SESSION_TOKEN", "SESSION_TOKEN"),
    "hosted": ("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "VIRTUAL_HOSTED_STYLE_REQUEST"),
}
UNSIGNED = "UNSIGNED-PAYLOAD"


def check(url: str, options: Mapping[str, str]) -> None:
    """Refuse a store that writes over what is there although it is asked not to.

    Asked of stores at an address of their own (`AWS_ENDPOINT_URL`) with keys in the environment; those of Amazon,
    Microsoft and Google are known to keep the condition.

    Raises
    ------
    LakeError
        `lake.storage_unsafe`, or `lake.storage_unreachable` where nothing can be written.
    """
    told = {k.upper(): v for k, v in {**os.environ, **options}.items()}
    said = {what: next((told[n] for n in names if n in told), "") for what, names in NAMES.items()}
    if not url.startswith(("s3://", "s3a://")) or not (said["endpoint"] and said["id"] and said["key"]):
        return
    bucket, _, folder = url.partition("://")[2].partition("/")
    name = f"{folder}/.probe-{uuid.uuid4().hex}".lstrip("/")
    where = name if said["hosted"].lower() == "true" else f"{bucket}/{name}"
    try:
        first = _asked("PUT", where, said, condition=True)
        second = _asked("PUT", where, said, condition=True) if first < 300 else first
        if first < 300:
            _asked("DELETE", where, said, condition=False)
    except (URLError, HTTPException, OSError) as error:
        reason = f"{said['endpoint']}: {getattr(error, 'reason', error)}"
        raise LakeError("lake.storage_unreachable", values={"url": url, "reason": reason}) from error
    if first in {400, 501} or second < 300:
        raise LakeError("lake.storage_unsafe", values={"url": url, "answer": str(second)})
    if first >= 300:
        raise LakeError("lake.storage_unreachable", values={"url": url, "reason": f"{said['endpoint']}: {first}"})


def _asked(method: str, path: str, said: Mapping[str, str], *, condition: bool) -> int:
    """The status of one signed request without a body."""
    split = urlsplit(said["endpoint"])
    address, now = "/".join(("", *filter(None, (split.path.strip("/"), quote(path))))), datetime.now(UTC)
    headers = {"host": split.netloc, "x-amz-content-sha256": UNSIGNED, "x-amz-date": f"{now:%Y%m%dT%H%M%SZ}"}
    headers |= {"if-none-match": "*"} if condition else {}
    headers |= {"x-amz-security-token": said["session"]} if said["session"] else {}
    names = ";".join(sorted(headers))
    canonical = "\n".join((method, address, "", *(f"{n}:{headers[n]}" for n in sorted(headers)), "", names, UNSIGNED))
    day, region = f"{now:%Y%m%d}", said["region"] or "us-east-1"
    scope = f"{day}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = f"AWS4{said['key']}".encode()
    for part in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={said['id']}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    request = Request(f"{split.scheme}://{split.netloc}{address}", method=method, headers=headers)
    try:
        with urlopen(request, timeout=WAIT) as answer:
            return int(answer.status)
    except HTTPError as refused:
        return int(refused.code)
