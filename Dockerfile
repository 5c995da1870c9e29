# syntax=docker/dockerfile:1
# The image of web and worker. Three stages: the design tokens, the locked packages with our wheel, what runs.
# `docker build -t minna-no-madoguchi .`   How each step was tried by hand: docs/deployment.md

FROM node:24-bookworm-slim AS tokens
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
RUN python -m venv /opt/portal && python -m venv /opt/builder
WORKDIR /build
COPY requirements.lock .ci/build.lock ./
RUN /opt/portal/bin/pip install --require-hashes --no-deps -r requirements.lock \
 && /opt/builder/bin/pip install --require-hashes --no-deps -r build.lock
COPY pyproject.toml README.md LICENSE ./
COPY portal portal
COPY forms forms
COPY reservations reservations
COPY payments payments
COPY migrations migrations
COPY --from=tokens /build/node_modules/@digital-go-jp/design-tokens/dist/tokens.css portal/static/vendor/tokens.css
RUN /opt/portal/bin/python -m portal.kernel.i18n compile \
 && /opt/builder/bin/pip wheel --no-deps --no-build-isolation --wheel-dir dist . \
 && /opt/portal/bin/pip install --no-deps --no-index dist/*.whl

FROM python:3.11-slim-bookworm AS portal
# Pango lays out the PDFs; Noto CJK and IPAmj Mincho have a shape for every Japanese name (both in Debian's main).
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    fontconfig fonts-ipamj-mincho fonts-noto-cjk libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
 && rm -rf /var/lib/apt/lists/* \
 && fc-cache -s \
 && groupadd --gid 10001 portal \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin portal \
 && install -d -o portal -g portal -m 0700 /data
COPY --from=build /opt/portal /opt/portal
ENV PATH=/opt/portal/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    XDG_CACHE_HOME=/tmp/cache \
    PORTAL_ENV=production \
    PORTAL_HOST=0.0.0.0 \
    PORTAL_DATA_DIR=/data \
    CARD_READER=none
WORKDIR /data
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["portal", "serve"]
