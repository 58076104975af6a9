"""Every setting of Kenward, with unit and default. `.env.example` lists the variables."""

from __future__ import annotations

from pathlib import Path

import django_stubs_ext
from csp.constants import NONE, SELF
from django.urls import reverse_lazy

from apps.ops import embedded_paths
from config import databases, env
from config.celery_broker import broker_url
from config.secret_keys import secret_keys
from config.unfold import UNFOLD as UNFOLD  # how the admin looks

# Lets classes of Django be written with their type arguments (`ModelForm[User]`) at run time too.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where this runs -----------------------------------------------------------------------------

KENWARD_ENV = env.choice("KENWARD_ENV", "development", ("development", "staging", "production"))
IS_DEVELOPMENT = KENWARD_ENV == "development"
KENWARD_DATA_DIR = Path(env.text("KENWARD_DATA_DIR", str(BASE_DIR / "var"))).absolute()
# Folders below which an IT admin may connect a folder; the data folder itself never is one.
# What `up --folder` allows to one tenant is kept in the data folder (file_share.tenant_roots).
KENWARD_FOLDER_ROOTS = [Path(root) for root in env.words("KENWARD_FOLDER_ROOTS", separator=":")]

# Hosts (with ports) beside the providers' own that a connection may be pointed at.
KENWARD_SOURCE_HOSTS = env.words("KENWARD_SOURCE_HOSTS")
# Where people and sources reach this installation, for the addresses that it gives to sources.
KENWARD_PUBLIC_URL = env.text("KENWARD_PUBLIC_URL").rstrip("/")

DEBUG = env.boolean("KENWARD_DEBUG", default=False)
SECRET_KEY, *SECRET_KEY_FALLBACKS = secret_keys(KENWARD_ENV, KENWARD_DATA_DIR)
# This machine's own names always count: health checks come by them.
ALLOWED_HOSTS = [*env.words("KENWARD_ALLOWED_HOSTS"), "127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = env.words("KENWARD_TRUSTED_ORIGINS")
# Whose word about a client's address counts: how many proxies stand in front, or their networks.
KENWARD_TRUSTED_PROXIES = env.proxies("KENWARD_TRUSTED_PROXIES")
# What is not of the public internet and may be connected to for somebody who typed it in.
KENWARD_PRIVATE_DESTINATIONS = env.destinations("KENWARD_PRIVATE_DESTINATIONS")

# --- Applications --------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",  # the other one would put its own site in the place of ours
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "config.apps.KenwardAdminConfig",
    "rest_framework",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "guardian",
    "channels",
    "csp",
    "django_celery_beat",
    "django_prometheus",
    "apps.audit",
    "apps.tenants",
    "apps.accounts",
    "apps.connections",
    "apps.acls",
    "apps.documents",
    "apps.search",
    "apps.sync_events",
    "apps.chat",
    "apps.ops",
]

MIDDLEWARE = [
    # Outermost: it sees what really goes out.
    "config.canary_filter.CanaryFilter",
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.static_files.StaticFilesMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.admin_security.AdminSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    # Default-deny: a view without @login_not_required sends an anonymous visitor to the sign-in.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.tenants.middleware.TenantMiddleware",
    "apps.acls.request_circumstances.CircumstancesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
WSGI_APPLICATION = None

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.tenants.context_processors.tenant",
                "apps.acls.context_processors.class_rules_of",
            ],
        },
    },
]

# --- Database and Redis --------------------------------------------------------------------------

# The application signs in as a role that row-level security binds; only migrations use the owner.
DATABASE_APP_URL = env.text(
    "DATABASE_APP_URL", embedded_paths.postgres_url(KENWARD_DATA_DIR, "kenward_app")
)
DATABASE_OWNER_URL = env.text("DATABASE_URL")
if not DATABASE_OWNER_URL and not env.text("DATABASE_APP_URL"):
    DATABASE_OWNER_URL = embedded_paths.postgres_url(KENWARD_DATA_DIR, "kenward_owner")

DATABASES = {
    # Connections kept per process; behind PgBouncer set 0.
    "default": databases.from_url(
        DATABASE_APP_URL, pool_size=env.integer("KENWARD_DATABASE_POOL", 12)
    )
}
if DATABASE_OWNER_URL:
    DATABASES["owner"] = databases.from_url(DATABASE_OWNER_URL) | {"ATOMIC_REQUESTS": False}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", embedded_paths.redis_url(KENWARD_DATA_DIR))

CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "kenward",
    }
}

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "kenward"},
    }
}

# --- People and sessions -------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
    "apps.tenants.permissions.RoleBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

ACCOUNT_ADAPTER = "apps.accounts.allauth_adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False

MFA_ADAPTER = "apps.accounts.mfa_adapter.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Kenward"
# Its neighbours count too: clocks differ, and typing takes time (RFC 6238, 5.2).
MFA_TOTP_TOLERANCE = 1

GUARDIAN_MONKEY_PATCH_USER = False
GUARDIAN_MONKEY_PATCH_GROUP = False
ANONYMOUS_USER_NAME = None
# Nothing asks guardian's backend: it knows neither denials nor inheritance (`acls` decides).
SILENCED_SYSTEM_CHECKS = ["guardian.W001"]

# Links that let somebody in must not stand in a log: only development prints its mail.
EMAIL_HOST = env.text("KENWARD_EMAIL_HOST")
EMAIL_BACKEND = (
    "django.core.mail.backends.console.EmailBackend"
    if IS_DEVELOPMENT and not EMAIL_HOST
    else "django.core.mail.backends.smtp.EmailBackend"
)
EMAIL_PORT = env.integer("KENWARD_EMAIL_PORT", 587, at_least=1)
EMAIL_HOST_USER = env.text("KENWARD_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("KENWARD_EMAIL_PASSWORD")
EMAIL_USE_TLS = env.boolean("KENWARD_EMAIL_STARTTLS", default=True)
EMAIL_TIMEOUT = 10  # seconds
DEFAULT_FROM_EMAIL = env.text("KENWARD_EMAIL_FROM", "kenward@localhost")

# --- Security ------------------------------------------------------------------------------------

if not IS_DEVELOPMENT:
    SECURE_SSL_REDIRECT = env.boolean("KENWARD_SSL_REDIRECT", default=True)
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = env.integer("KENWARD_HSTS_S", 31_536_000)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_AGE = 14 * 24 * 3600  # seconds
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.error_pages.csrf_failure"

CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/admin/",),  # its own policy: config.admin_security
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    },
}

# --- Files and language --------------------------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("KENWARD_STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [BASE_DIR / "static"]
# A development server serves straight from the sources; elsewhere collectstatic runs first.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = IS_DEVELOPMENT
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if IS_DEVELOPMENT
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

# --- Sync and indexing ---------------------------------------------------------------------------

KENWARD_MAX_FILE_MB = env.integer("KENWARD_MAX_FILE_MB", 50, at_least=1)
KENWARD_EXTRACT_TIMEOUT_S = env.integer("KENWARD_EXTRACT_TIMEOUT_S", 60, at_least=1)
KENWARD_EXTRACT_MEMORY_MB = env.integer("KENWARD_EXTRACT_MEMORY_MB", 1024, at_least=256)
# Tokens of the embedding model; 0 takes what the model is made for (250 for MiniLM, else 512).
KENWARD_CHUNK_TOKENS = env.integer("KENWARD_CHUNK_TOKENS", 0)
KENWARD_CHUNK_OVERLAP_TOKENS = env.integer("KENWARD_CHUNK_OVERLAP_TOKENS", 50)

# --- Models --------------------------------------------------------------------------------------

EMBEDDING_BASE_URL = env.text("EMBEDDING_BASE_URL")
EMBEDDING_API_KEY = env.text("EMBEDDING_API_KEY")
EMBEDDING_MODEL = env.text("EMBEDDING_MODEL")
KENWARD_EMBEDDING_THREADS = env.integer("KENWARD_EMBEDDING_THREADS", 0)  # 0 = all cores
KENWARD_RERANK_URL = env.text("KENWARD_RERANK_URL")
KENWARD_RERANK_API_KEY = env.text("KENWARD_RERANK_API_KEY")
KENWARD_RERANK_MODEL = env.text("KENWARD_RERANK_MODEL")
KENWARD_RERANK_DIALECT = env.choice("KENWARD_RERANK_DIALECT", "cohere", ("cohere", "tei"))
LLM_BASE_URL = env.text("LLM_BASE_URL")
LLM_API_KEY = env.text("LLM_API_KEY")
LLM_MODEL = env.text("LLM_MODEL")
KENWARD_LLM_TIMEOUT_S = env.integer("KENWARD_LLM_TIMEOUT_S", 60, at_least=1)

# --- REST API ------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
}

# --- Celery: the rows are the queue, tasks only wake the work ------------------------------------

CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    # The order in which a worker looks at its queues: permissions before content.
    "queue_order_strategy": "priority",
    "global_keyprefix": "kenward-celery-",
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = 0  # there are none to be cleaned up
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "sync"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# A row per connection (sync_events.timetable), beside those that stand here.
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 2  # seconds until a changed row is heard of
DJANGO_CELERY_BEAT_TZ_AWARE = True
CELERY_BEAT_SCHEDULE = {
    "wake-work": {
        "task": "apps.sync_events.tasks.wake_work",
        "schedule": 2.0,  # seconds
        "options": {"queue": "permissions", "expires": 4},
    },
    "check-drift": {
        "task": "apps.sync_events.tasks.check_drift",
        "schedule": 30.0,  # seconds; each source is asked hourly
        "options": {"queue": "sync", "expires": 60},
    },
    "keep-subscriptions": {
        "task": "apps.sync_events.tasks.keep_subscriptions",
        "schedule": 300.0,  # seconds
        "options": {"queue": "sync", "expires": 290},
    },
    "wake-class-rules": {
        "task": "apps.documents.tasks.wake_class_rules",
        "schedule": 10.0,  # seconds
        "options": {"queue": "permissions", "expires": 9},
    },
    "wake-data-deletion": {
        "task": "apps.documents.tasks.wake_data_deletion",
        "schedule": 10.0,  # seconds
        "options": {"queue": "sync", "expires": 9},
    },
    "prune-history": {
        "task": "apps.sync_events.tasks.prune_history",
        "schedule": 86_400.0,  # seconds
        "options": {"queue": "sync", "expires": 3_600},
    },
    "wake-webhooks": {
        "task": "apps.sync_events.webhooks.tasks.wake_webhooks",
        "schedule": 5.0,  # seconds
        "options": {"queue": "webhooks", "expires": 4},
    },
    "prune-webhooks": {
        "task": "apps.sync_events.webhooks.tasks.prune_webhooks",
        "schedule": 86_400.0,  # seconds
        "options": {"queue": "webhooks", "expires": 3_600},
    },
    "plant-canaries": {
        "task": "apps.sync_events.tasks.plant_canaries",
        "schedule": 60.0,  # seconds
        "options": {"queue": "sync", "expires": 50},
    },
}
CELERY_TIMEZONE = "UTC"

# --- Logging and metrics -------------------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {
        "handlers": ["stderr"],
        "level": env.choice("KENWARD_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR")),
    },
    "loggers": {
        "django.server": {"level": "WARNING"},
        "httpx2": {"level": "WARNING"},
        "httpcore2": {"level": "WARNING"},  # at DEBUG it writes addresses and headers
        # At DEBUG these write what they carry: prompts, frames, the text of pages.
        "openai": {"level": "WARNING"},
        "websockets": {"level": "WARNING"},
        "pdfminer": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "kombu": {"level": "WARNING"},
        "watchfiles": {"level": "WARNING"},
    },
}
PROMETHEUS_EXPORT_MIGRATIONS = False
# Who may scrape /metrics; empty: this machine only.
KENWARD_METRICS_TOKEN = env.text("KENWARD_METRICS_TOKEN")
