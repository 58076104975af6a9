FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/app/.venv/bin:$PATH
WORKDIR /app
COPY requirements.lock .
RUN pip install --no-cache-dir uv \
    && uv venv .venv \
    && uv pip sync --python .venv/bin/python --require-hashes requirements.lock
COPY . .
RUN useradd --create-home kenward \
    && install -d -o kenward -m 0700 /data \
    && KENWARD_ENV=production KENWARD_SECRET_KEYS=only-while-the-image-is-built \
       python manage.py collectstatic --noinput
USER kenward
EXPOSE 8000
