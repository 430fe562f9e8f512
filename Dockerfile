# Soko: `docker build -t soko .`. The same image runs the web server (default) and a worker (`command: script/worker`).
# Settings come from the environment; docs/deploy.md has a whole installation.
FROM python:3.13.1-slim-bookworm AS packages
WORKDIR /opt/soko
COPY requirements.txt ./
RUN python -m venv .venv \
    && .venv/bin/pip install --no-cache-dir --require-hashes --requirement requirements.txt

FROM python:3.13.1-slim-bookworm
# pg_dump of PostgreSQL 15, which is the server of deploy/compose.yml, for `script/soko backup`
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends postgresql-client-15 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home soko \
    && install -d -o soko -g soko -m 700 /srv/soko /srv/soko/photos /var/backups/soko
WORKDIR /opt/soko
COPY --from=packages /opt/soko/.venv .venv
COPY . .
# script/setup finds everything installed: the stamp has the version of Python and every pin
RUN (.venv/bin/python -V && cat requirements.txt) >.venv/stamp \
    && python -m compileall -q bot flows state marketplace_api locales wsgi.py \
    && install -d -o soko -g soko -m 700 var
USER 10001
ENV HOST=0.0.0.0 PORT=8000 PHOTOS_DIR=/srv/soko/photos
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s \
    CMD [".venv/bin/python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
CMD ["script/server"]
