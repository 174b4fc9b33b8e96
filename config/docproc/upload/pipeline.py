"""What became of a document: asked from the workflow API, or heard on Redis when the pipeline announces it."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Callable
from typing import Any

import httpx
import redis.asyncio
from redis.exceptions import RedisError
from settings import DONE_CHANNEL, Settings

LABEL = "docproc/document-id"
TIMEOUT_S = 3.0
STATES = {"Succeeded": "succeeded", "Failed": "failed", "Error": "failed"}
log = logging.getLogger("docproc.upload")


def result_of(workflow: dict[str, Any]) -> Any:
    """The summary that the step `store` left, None when there is none."""
    for node in (workflow.get("status", {}).get("nodes") or {}).values():
        if node.get("displayName") == "store":
            for parameter in (node.get("outputs") or {}).get("parameters") or []:
                if parameter["name"] == "summary" and parameter.get("value"):
                    return json.loads(parameter["value"])
    return None


def failure_of(workflow: dict[str, Any]) -> str:
    """Why it failed, in the words of the step that failed first."""
    status = workflow.get("status", {})
    failed = [
        n
        for n in (status.get("nodes") or {}).values()
        if n.get("type") == "Pod" and n.get("phase") in ("Failed", "Error")
    ]
    first = min(failed, key=lambda node: node.get("finishedAt") or "", default=None)
    message = (first or {}).get("message") or status.get("message") or "the pipeline failed"
    return re.sub(r"^\w+ \(exit code \d+\)(: )?", "", message) or message


def state_of(workflow: dict[str, Any]) -> dict[str, Any]:
    """What a workflow means for its document."""
    state = STATES.get(workflow.get("status", {}).get("phase", ""), "running")
    seen: dict[str, Any] = {"state": state, "workflow": workflow["metadata"]["name"]}
    if state == "succeeded":
        seen["result"] = result_of(workflow)
    elif state == "failed":
        seen["message"] = failure_of(workflow)
    return seen


async def look_up(settings: Settings, document_id: str) -> dict[str, Any]:
    """Ask the API once. No workflow yet is no news; a silent API is a message, not an error."""
    base = f"{settings.tiphys_api}/api/v1/workflows/{settings.namespace}"
    headers = {"Authorization": f"Bearer {settings.tiphys_token}"} if settings.tiphys_token else {}
    selector = {"listOptions.labelSelector": f"{LABEL}={document_id}"}
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S, headers=headers) as client:
            answer = await client.get(base, params=selector)
            answer.raise_for_status()
            items = answer.json().get("items") or []
            if not items:
                return {}
            newest = max(items, key=lambda item: item["metadata"].get("creationTimestamp") or "")
            if newest.get("status", {}).get("phase") in STATES:  # lists may leave the nodes out
                answer = await client.get(f"{base}/{newest['metadata']['name']}")
                answer.raise_for_status()
                newest = answer.json()
            return state_of(newest)
    except (httpx.HTTPError, ValueError, KeyError) as error:
        return {
            "message": f"the workflow API at {settings.tiphys_api} cannot be asked: {type(error).__name__}: {error}"
        }


async def hear(settings: Settings, on_end: Callable[[str, dict[str, Any]], None]) -> None:
    """Note every end that is announced, until the connection breaks."""
    async with redis.asyncio.Redis.from_url(settings.redis_url) as client, client.pubsub() as channel:
        await channel.subscribe(DONE_CHANNEL)
        async for message in channel.listen():
            if message["type"] != "message":
                continue
            try:
                end = json.loads(message["data"])
                on_end(
                    str(end["document_id"]),
                    {"state": end["state"], "result": end.get("summary"), "message": end.get("message", "")},
                )
            except (ValueError, KeyError, TypeError) as error:
                log.warning("a message on %s is not the end of a pipeline: %s", DONE_CHANNEL, error)


async def listen_for_ends(settings: Settings, on_end: Callable[[str, dict[str, Any]], None]) -> None:
    """Listen for ever; while Redis is away documents are still found by asking the API."""
    delay = 0.5
    while True:
        try:
            await hear(settings, on_end)
            delay = 0.5
        except (RedisError, OSError) as error:
            log.warning("Redis is away, next attempt in %.1f s: %s", delay, error)
        await asyncio.sleep(delay)
        delay = min(delay * 2, 30.0)
