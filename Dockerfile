# The image of a server. It holds no key and no password: those are given to the container.
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
WORKDIR /src
COPY requirements.lock ./
RUN python -m venv /opt/credenza \
    && /opt/credenza/bin/python -m pip install --no-cache-dir --no-input --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY src src
RUN /opt/credenza/bin/python -m pip install --no-cache-dir --no-input --no-deps --no-build-isolation . \
    && /opt/credenza/bin/python -m pip uninstall --yes hatchling editables pip

FROM python:${PYTHON}
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin credenza \
    && install -d -o credenza -g credenza -m 0700 /var/lib/credenza
COPY --from=build /opt/credenza /opt/credenza
ENV PATH=/opt/credenza/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001
VOLUME ["/var/lib/credenza"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/healthz', timeout=4)"]
ENTRYPOINT ["credenza"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8080"]
