"""The upload app: takes a document, tells the world, shows what became of it.

/usr/bin/python3 -m uvicorn app:app --app-dir config/docproc/upload --port 8000
"""

from __future__ import annotations

import asyncio
import contextlib
import html
import json
import re
import shutil
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import FastAPI, File, Form, HTTPException, Request, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse
from limit import LimitBody
from notify import NotificationFailed, notify
from pipeline import listen_for_ends, look_up
from settings import Settings

CHUNK = 1 << 20
FINISHED = ("succeeded", "failed")


def safe_name(name: str | None) -> str:
    """A file name that is nothing but a name."""
    last = re.split(r"[/\\]", name or "")[-1]
    return re.sub(r"[^\w.()+ -]", "_", last).strip(" .")[:120] or "document.pdf"


class Records:
    """One folder per document: the file as uploaded, and upload.json with what is known of it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, document_id: str) -> Path:
        """Where a document lies; only UUIDs name folders."""
        try:
            return self.root / str(uuid.UUID(document_id))
        except ValueError:
            raise HTTPException(404, "no such document") from None

    def read(self, document_id: str) -> dict[str, Any]:
        """The record, 404 when there is none."""
        try:
            record: dict[str, Any] = json.loads((self.folder(document_id) / "upload.json").read_bytes())
        except FileNotFoundError:
            raise HTTPException(404, "no such document") from None
        return record

    def write(self, record: dict[str, Any]) -> None:
        """Replace the record in one move."""
        folder = self.folder(record["document_id"])
        fresh = folder / "upload.json.new"
        fresh.write_text(json.dumps(record, ensure_ascii=False))
        fresh.replace(folder / "upload.json")

    def end(self, document_id: str, end: dict[str, Any]) -> None:
        """Note the end of a pipeline; unknown documents are somebody else's."""
        with contextlib.suppress(HTTPException, FileNotFoundError):
            self.write({**self.read(document_id), **end})


def receive(file: UploadFile, target: Path) -> int:
    """Copy the upload to its place; how many bytes it has."""
    with target.open("wb") as out:
        shutil.copyfileobj(file.file, out, CHUNK)
        return out.tell()


def create_app(settings: Settings) -> FastAPI:
    """The app for one set of settings."""
    records = Records(settings.upload_dir)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        settings.upload_dir.mkdir(parents=True, exist_ok=True)
        listener = asyncio.create_task(listen_for_ends(settings, records.end)) if settings.redis_url else None
        yield
        if listener:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    app = FastAPI(title="Document upload")
    app.router.lifespan_context = lifespan  # Debian's FastAPI (0.92) silently ignores FastAPI(lifespan=...)
    app.add_middleware(LimitBody, limit=settings.max_bytes)

    @app.exception_handler(NotificationFailed)
    async def not_notified(_: Request, error: NotificationFailed) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 503)

    @app.post("/upload", status_code=202)
    async def upload(file: UploadFile = File(), patient_id: str = Form(""), user_id: str = Form("")) -> dict[str, str]:
        """Store a document and start its pipeline."""
        document_id = str(uuid.uuid4())
        name = safe_name(file.filename)
        folder = records.folder(document_id)
        folder.mkdir(parents=True)
        try:
            if await asyncio.to_thread(receive, file, folder / name) == 0:
                raise HTTPException(422, f"{name} is empty")
            event = {
                "document_id": document_id,
                "file_path": f"{document_id}/{name}",
                "patient_id": patient_id,
                "user_id": user_id,
            }
            records.write({**event, "name": name, "state": "uploaded"})
            await notify(settings, event)
        except BaseException:
            shutil.rmtree(folder)
            raise
        return {"document_id": document_id, "status_url": f"/documents/{document_id}"}

    @app.get("/documents/{document_id}")
    async def document(document_id: str) -> dict[str, Any]:
        """State of a document: uploaded, running, succeeded or failed; with its result once there is one."""
        record = records.read(document_id)
        if record["state"] not in FINISHED:
            seen = await look_up(settings, record["document_id"])
            record = {**records.read(document_id), **seen} if seen.get("state") else {**record, **seen}
            if record["state"] in FINISHED:
                records.write(record)
        return {"workflow": None, "message": "", "result": None, **record}

    @app.get("/health")
    async def health() -> dict[str, str]:
        """Is the app up?"""
        return {"status": "ok", "notify": settings.notify}

    @app.get("/", response_class=HTMLResponse)
    async def form() -> str:
        """A form for people."""
        page = Path(__file__).with_name("form.html").read_text()
        return page.replace("%NOTIFY%", html.escape(settings.notify))

    return app


app = create_app(Settings.from_env())
