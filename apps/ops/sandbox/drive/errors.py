"""Errors as Google words them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An error answer of an API.

    Args:
        status: HTTP status.
        reason: Google's word for it, such as notFound.
        message: for people.
        location: the parameter or header that is to blame, or "".
    """

    def __init__(self, status: int, reason: str, message: str, location: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.location = location

    @property
    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return error_body(self.status, self.reason, str(self), self.location)


def error_body(status: int, reason: str, message: str, location: str = "") -> dict[str, Any]:
    """Return the JSON of an error."""
    domain = "usageLimits" if reason.lower().endswith("ratelimitexceeded") else "global"
    error = {"message": message, "domain": domain, "reason": reason}
    if location:
        kind = "header" if location == "Authorization" else "parameter"
        error |= {"location": location, "locationType": kind}
    return {"error": {"code": status, "message": message, "errors": [error]}}


def not_found(file_id: str) -> ApiError:
    """Return the error for what does not exist, or is not for the caller."""
    return ApiError(404, "notFound", f"File not found: {file_id}.", "fileId")


def drive_not_found(drive_id: str) -> ApiError:
    """Return the error for a shared drive that does not exist, or is not for the caller."""
    return ApiError(404, "notFound", f"Shared drive not found: {drive_id}", "driveId")


def invalid(parameter: str, message: str = "Invalid Value") -> ApiError:
    """Return the error for a parameter that cannot be used."""
    return ApiError(400, "invalid", message, parameter)


def insufficient_file_permissions() -> ApiError:
    """Return the error for a caller who may see an item but not do that."""
    return ApiError(
        403,
        "insufficientFilePermissions",
        "The user does not have sufficient permissions for this file.",
    )
