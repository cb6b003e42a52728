"""The calls as a Django REST endpoint, under gunicorn: `python -m ... PORT DSN`."""

import os
import sys
from collections.abc import Callable
from typing import Any

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.urls import path
from psycopg2.extensions import parse_dsn

from benchmarks.harness.peers.program import CONNECTIONS
from benchmarks.harness.peers.questions import VERSION, clip_exists, search_metadata

_DSN = "BENCH_DSN"


def configure(dsn: str) -> None:
    """Set Django up, with no more in the way of a request than it needs."""
    given = parse_dsn(dsn)
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["rest_framework"],
        MIDDLEWARE=[],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": given["dbname"],
                "USER": given["user"],
                "HOST": given["host"],
                "PORT": given["port"],
                "CONN_MAX_AGE": None,  # a connection a thread, for good
            }
        },
        REST_FRAMEWORK={
            "DEFAULT_AUTHENTICATION_CLASSES": [],
            "DEFAULT_PERMISSION_CLASSES": [],
            "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
            "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
            "UNAUTHENTICATED_USER": None,
        },
        USE_TZ=True,
    )
    django.setup()


def _views() -> list[Any]:
    """The calls that are measured."""
    # REST framework reads the settings when it is imported.
    from django.db import connection
    from rest_framework.decorators import api_view
    from rest_framework.request import Request
    from rest_framework.response import Response

    def answer(question: Callable[..., Any], *words: object) -> Response:
        with connection.cursor() as cursor:
            return Response(question(cursor, *words))

    @api_view(["POST"])  # type: ignore[untyped-decorator]
    def version(request: Request) -> Response:
        assert request.data is not None
        return Response(VERSION)

    @api_view(["POST"])  # type: ignore[untyped-decorator]
    def exists(request: Request) -> Response:
        return answer(clip_exists, request.data["sessid"], request.data["gunid"])

    @api_view(["POST"])  # type: ignore[untyped-decorator]
    def search(request: Request) -> Response:
        asked = request.data
        return answer(search_metadata, asked["sessid"], asked["text"], asked["limit"])

    return [
        path("getVersion", version),
        path("existsAudioClip", exists),
        path("searchMetadata", search),
    ]


def main() -> None:
    """Become gunicorn, with one worker process and a thread for each connection to PostgreSQL."""
    port, dsn = sys.argv[1:]
    os.environ[_DSN] = dsn
    words = ("--workers", "1", "--worker-class", "gthread", "--threads", str(CONNECTIONS))
    quiet = ("--bind", f"127.0.0.1:{port}", "--keep-alive", "600", "--log-level", "warning")
    program = (sys.executable, "-m", "gunicorn", *words, *quiet)
    os.execv(sys.executable, [*program, f"{__spec__.name}:application"])  # noqa: S606


if __name__ == "__main__":
    main()
else:
    configure(os.environ[_DSN])
    urlpatterns = _views()
    application = get_wsgi_application()
