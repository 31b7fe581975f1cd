# One image for the pages, the watch and the workers: what runs is exactly what uv.lock names, and nothing builds in it.
FROM python:3.11.15-slim-bookworm AS build
ENV UV_PROJECT_ENVIRONMENT=/opt/sohoa \
    UV_PYTHON_DOWNLOADS=never \
    UV_COMPILE_BYTECODE=1 \
    UV_LINK_MODE=copy
RUN python -m pip install --no-cache-dir uv==0.13.9
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE ./
# the locked libraries change seldom: their layer is kept while only our own code changes
RUN uv sync --frozen --no-dev --no-install-project
COPY config config
COPY registry registry
COPY signing signing
COPY archive archive
COPY search search
COPY metrics metrics
COPY portal portal
COPY pipeline pipeline
COPY app app
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.11.15-slim-bookworm
COPY tools/install-packages /tmp/install-packages
# a fixed number, so that folders and secrets of the host can be given to it before the image is there
RUN /tmp/install-packages base \
 && rm -rf /tmp/install-packages /var/lib/apt/lists/* \
 && groupadd --gid 10001 sohoa \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin sohoa \
 && install -d -o 10001 -g 10001 -m 0700 /srv/sohoa
COPY --from=build /opt/sohoa /opt/sohoa
COPY deploy/alive.py /opt/sohoa/alive.py
ENV PATH=/opt/sohoa/bin:$PATH \
    HOME=/tmp \
    LANG=C.UTF-8 \
    OMP_THREAD_LIMIT=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SOHOA_HOME=/srv/sohoa
USER 10001:10001
WORKDIR /srv/sohoa
EXPOSE 8765
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "/opt/sohoa/alive.py", "web"]
ENTRYPOINT ["sohoa"]
CMD ["run"]
