"""The API's calls about whole profiles: backed up, restored, deleted, renamed, copied."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from peaceful._aio import run_in_thread
from peaceful._app.contexts import Contexts
from peaceful._errors.running import FileDamaged, FormatTooNew
from peaceful._model.codec import ProfileName
from peaceful._storage.backup import Backup, parse_backup
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import (
    ORIGIN,
    Refusal,
    check_json,
    find_in_thread,
    json_body,
    name_in_path,
    read_body,
)
from peaceful._web.http.documents import ProfileChanged, ProfileRestored
from peaceful._web.http.fields import CopyBody, EditBody, RestoreQuery, read_request
from peaceful._web.http.route import JSON, json_response

LONGEST_BACKUP: Final = 64 * 1024 * 1024
"""Bytes that a backup may have."""

_DOOR: Final = "api"


async def back_up(request: Request, server: ServerContext) -> Response:
    """Answer with a profile, as one file."""
    contexts, profile = server.contexts, await _known(request, server.contexts)
    backup = await run_in_thread(lambda: contexts.back_up(profile, None, door=_DOOR))
    # As it is: what would be masked in it is not in it.
    headers = {"Content-Disposition": f'attachment; filename="{profile}.json"'}
    return Response(backup.encoded(), headers=headers, media_type=JSON)


async def restore(request: Request, server: ServerContext) -> Response:
    """Make a profile what a backup says."""
    contexts, profile = server.contexts, name_in_path(request, "profile")
    wanted = read_request(dict(request.query_params), RestoreQuery, strict=False)
    dry_run, sure = wanted.dry_run, wanted.sure
    check_json(request)
    body = await read_body(request, LONGEST_BACKUP)
    backup = await run_in_thread(_read, body)
    done = await run_in_thread(
        lambda: contexts.restore_from(
            backup, Path(ORIGIN), profile, dry_run=dry_run, sure=sure, door=_DOOR
        )
    )
    return json_response(
        ProfileRestored(
            profile=profile,
            dry_run=dry_run,
            files=done.files,
            lost=done.lost,
            kept_as=None if done.kept_as is None else str(done.kept_as),
        )
    )


async def delete(request: Request, server: ServerContext) -> Response:
    """Delete a profile."""
    wanted = read_request(await json_body(request, may_be_empty=True), EditBody)
    contexts, profile = server.contexts, await _known(request, server.contexts)
    dry_run = wanted.dry_run
    await run_in_thread(lambda: contexts.delete_profile(profile, dry_run=dry_run, door=_DOOR))
    return json_response(ProfileChanged(profile=profile, to=None, dry_run=dry_run))


async def rename(request: Request, server: ServerContext) -> Response:
    """Give a profile another name."""
    return await _called(request, server, server.contexts.rename_profile)


async def copy(request: Request, server: ServerContext) -> Response:
    """Make a profile with the parameters of another one."""
    return await _called(request, server, server.contexts.copy_profile)


async def _called(request: Request, server: ServerContext, change: Callable[..., None]) -> Response:
    wanted = read_request(await json_body(request), CopyBody)
    profile, new, dry_run = await _known(request, server.contexts), wanted.to, wanted.dry_run
    await run_in_thread(lambda: change(profile, new, dry_run=dry_run, door=_DOOR))
    return json_response(ProfileChanged(profile=profile, to=new, dry_run=dry_run))


async def _known(request: Request, contexts: Contexts) -> ProfileName:
    profile = name_in_path(request, "profile")
    return await find_in_thread(lambda: contexts.profile(profile))


def _read(body: bytes) -> Backup:
    try:
        backup = parse_backup(body, Path(ORIGIN))
        backup.states(Path(ORIGIN))
    except (FileDamaged, FormatTooNew) as error:
        raise Refusal(error, HTTPStatus.UNPROCESSABLE_ENTITY) from error
    return backup
