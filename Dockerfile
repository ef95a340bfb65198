# syntax=docker/dockerfile:1
# Two stages: what builds stays behind. Nothing secret is in the image; `docs/operations.md` says where secrets come from.
FROM python:3.13-slim AS build
WORKDIR /build
COPY requirements.lock pyproject.toml README.md LICENSE ./
RUN python -m venv /opt/credenza \
 && /opt/credenza/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock
COPY schemas schemas
COPY src src
RUN /opt/credenza/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps --no-build-isolation . \
 && /opt/credenza/bin/python -m compileall -q /opt/credenza/lib \
 && /opt/credenza/bin/credenza --version

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/credenza --shell /usr/sbin/nologin credenza
COPY --from=build /opt/credenza /opt/credenza
COPY --chmod=0755 deploy/entrypoint.sh /usr/local/bin/credenza-entrypoint
ENV PATH=/opt/credenza/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/credenza
VOLUME /var/lib/credenza
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=2)"]
ENTRYPOINT ["credenza-entrypoint"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080", "--json"]
