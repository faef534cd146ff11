# One image for web and worker, selected by the command. It contains a venv and aomi.yaml, no sources and no pip.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv --without-pip /venv
WORKDIR /src
# Dependencies first, so that a code change does not install them again.
COPY requirements.lock ./
RUN pip --python /venv/bin/python install --no-deps --requirement requirements.lock
COPY pyproject.toml README.md ./
COPY app/ app/
COPY workers/ workers/
RUN pip --python /venv/bin/python install --no-deps .

FROM python:3.11-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=build /venv /venv
WORKDIR /app
COPY aomi.yaml ./
USER 10001:10001
EXPOSE 8000
# The Procfile's web command; app.serving reads HOST, PORT and WEB_CONCURRENCY itself, so no shell is needed.
CMD ["gunicorn", "-c", "python:app.serving", "app:create_app()"]
