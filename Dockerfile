FROM python:3.12.12-slim-bookworm AS build
RUN pip install --no-cache-dir uv==0.13.9
WORKDIR /app
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/candlewick
COPY pyproject.toml uv.lock README.md LICENSE ./
RUN uv sync --frozen --no-dev --no-install-project
COPY schemas schemas
COPY clients clients
COPY producers producers
COPY processors processors
COPY sinks sinks
COPY api api
COPY grafana grafana
COPY candlewick candlewick
RUN uv sync --frozen --no-dev --no-editable

FROM python:3.12.12-slim-bookworm
RUN useradd --uid 10001 --create-home candlewick && install -d -o candlewick /data
COPY --from=build /opt/candlewick /opt/candlewick
# The last two as in the local stack (candlewick/stack/environment.py).
ENV PATH=/opt/candlewick/bin:$PATH PYTHONUNBUFFERED=1 MALLOC_ARENA_MAX=2 PYTHONFAULTHANDLER=1
USER candlewick
WORKDIR /data
VOLUME /data
CMD ["candlewick", "--help"]
