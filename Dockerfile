# Two images from one file:
#   docker build --target agent -t legate-agent .
#   docker build --target control-plane -t legate-control-plane .

FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# The project's own Node is for machines that have another; this image's is the right one already.
RUN --mount=type=cache,target=/var/cache/npm npm ci --cache /var/cache/npm --no-fund --no-audit --loglevel=error
COPY . .
RUN npm run build

FROM node:24-bookworm-slim AS base
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/*
ENV NODE_ENV=production
ENTRYPOINT ["/usr/bin/tini", "--"]

# The delegate: bash and what most templates call. Tools of a store are added in an image of your own,
# as docs/operating-a-delegate.md shows.
FROM base AS agent
RUN apt-get update \
  && apt-get install -y --no-install-recommends bash curl jq openssl openssh-client \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --uid 10001 --create-home --shell /usr/sbin/nologin legate
COPY --from=build /src/dist/agent/legate.js /app/legate.js
USER 10001
WORKDIR /home/legate
EXPOSE 3460
HEALTHCHECK --interval=30s --timeout=5s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${(process.env.LEGATE_HEALTH_LISTEN || ':3460').split(':').pop()}/livez`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "/app/legate.js", "agent"]

FROM base AS control-plane
RUN useradd --uid 10001 --create-home --shell /usr/sbin/nologin legate \
  && install -d -o 10001 -g 10001 -m 0700 /var/lib/legate
COPY --from=build /src/dist/control-plane /app
# The command line, for use inside: docker exec … legate get delegates
RUN printf '#!/bin/sh\nexec node /app/legate.js "$@"\n' >/usr/local/bin/legate && chmod 0755 /usr/local/bin/legate
USER 10001
WORKDIR /home/legate
ENV LEGATE_LISTEN=0.0.0.0:8080 LEGATE_DATA=/var/lib/legate
VOLUME /var/lib/legate
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.LEGATE_LISTEN.split(':').pop()}/livez`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "/app/legate.js", "server"]
