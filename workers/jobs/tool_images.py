"""Images that tools return are stored as files of the session."""

from __future__ import annotations

from typing import Any

from app.services import Services
from app.state.uploads.file_storage import FileGone, StorageFailed
from app.state.uploads.files import NoRoom, SessionGone
from workers.tools.errors import ToolError
from workers.tools.image import Image


def keep_image(services: Services, session_id: str, image: Image) -> dict[str, Any]:
    """Store the image. Returns its reference. Raises `ToolError`."""
    size, most = len(image.data), services.settings.max_file
    if size > most:
        raise ToolError(f"The image has {size:,} bytes; at most {most:,} are allowed")
    try:
        return services.files.add(session_id, image.filename, [image.data], size).reference()
    except NoRoom:
        raise ToolError("The session has no room for another file; the user must delete some first") from None
    except StorageFailed:
        raise ToolError("The image could not be stored; try again") from None
    except (SessionGone, FileGone):
        raise ToolError("The session was deleted") from None
