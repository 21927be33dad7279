# One image for the bot and for the nodes of a Ray cluster. docs/containers.md has the commands.
#
# TORCH_INDEX decides where torch comes from: the CPU build, or https://pypi.org/simple for the CUDA build.

FROM python:3.11-slim-bookworm AS build
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/antiphon
WORKDIR /src
COPY constraints.txt ./
# torch comes first and alone: its index lacks the pinned versions of its dependencies, which PyPI has.
RUN /opt/antiphon/bin/pip install --no-deps -c constraints.txt --index-url "$TORCH_INDEX" torch
COPY pyproject.toml README.md LICENSE ./
COPY bot ./bot
COPY cogs ./cogs
COPY sandbox ./sandbox
RUN /opt/antiphon/bin/pip install -c constraints.txt ".[cluster]"

FROM python:3.11-slim-bookworm
# The folders exist before the volumes, which take their owner from them.
RUN useradd --system --user-group --uid 10001 --create-home --home-dir /srv/antiphon antiphon \
 && install -d -m 0700 -o antiphon -g antiphon /srv/antiphon/data /srv/antiphon/models
COPY --from=build /opt/antiphon /opt/antiphon
# numba compiles for the processor at hand, so its cache belongs to the machine and not to the image.
ENV PATH=/opt/antiphon/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    HF_HOME=/srv/antiphon/models \
    NUMBA_CACHE_DIR=/srv/antiphon/models/numba \
    METRICS_PORT=9090
WORKDIR /srv/antiphon
VOLUME ["/srv/antiphon/data", "/srv/antiphon/models"]
USER antiphon
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client, os, sys; bot = http.client.HTTPConnection('127.0.0.1', int(os.environ['METRICS_PORT']), timeout=4); bot.request('GET', '/healthz'); sys.exit(bot.getresponse().status != 200)"]
ENTRYPOINT ["antiphon"]
CMD ["run"]
