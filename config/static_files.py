"""Static files under ASGI."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, with files sent whole.

    It streams them from synchronous iterators, which Django under ASGI reads into memory with a
    warning for every file. Ours are small: they go out as plain responses.
    """

    @staticmethod
    def serve(  # type: ignore[override]  # as WhiteNoise's own middleware does
        static_file: object, request: HttpRequest
    ) -> HttpResponse:
        """Return a static file's response, its content in memory."""
        streamed = WhiteNoiseMiddleware.serve(static_file, request)  # type: ignore[no-untyped-call]
        body = b"".join(streamed.streaming_content)
        if streamed.file_to_stream is not None:
            streamed.file_to_stream.close()  # not the response: that would end the request
        return HttpResponse(body, status=streamed.status_code, headers=dict(streamed.items()))
