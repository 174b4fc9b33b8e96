"""JSON over HTTP with the standard library; what goes wrong becomes a sentence."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

from docproc.cli import SetupError, Unavailable

TIMEOUT_S = 60
ANSWER_LIMIT = 16 << 20


def call(who: str, url: str, body: object = None, headers: dict[str, str] | None = None) -> Any:
    """GET, or POST when there is a body; `who` names the service in messages, which never show headers."""
    data = None if body is None else json.dumps(body).encode()
    try:
        request = urllib.request.Request(url, data, {"Content-Type": "application/json", **(headers or {})})
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read(ANSWER_LIMIT))
    except urllib.error.HTTPError as error:
        sentence = f"{who} answered {error.code} {error.reason}"
        kind = Unavailable if error.code >= 500 or error.code in (408, 429) else SetupError
        raise kind(sentence) from None
    except urllib.error.URLError as error:
        raise Unavailable(f"{who} does not answer: {error.reason}") from None
    except json.JSONDecodeError:
        raise Unavailable(f"{who} answered with something that is not JSON") from None
    except OSError as error:
        raise Unavailable(f"{who} broke off: {error}") from None
    except ValueError as error:
        raise SetupError(f"{who}: {error}") from None
