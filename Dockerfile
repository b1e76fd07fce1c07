# Two images from one file:
#   docker build --target agent -t legate-agent .
#   docker build --target control-plane -t legate-control-plane .
# Both start as user 10001, need no capability, and run with a read-only root: what must be writable is /tmp,
# and in the control plane's /var/lib/legate. docs/installing.md shows how.

FROM node:24-bookworm-slim AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
# The project's own Node is for machines that have another; this image's is the right one already.
RUN --mount=type=cache,target=/var/cache/npm npm ci --cache /var/cache/npm --no-fund --no-audit --loglevel=error
COPY . .
RUN npm run build

# Of Node's image only the program: no npm, no headers.
FROM debian:bookworm-slim AS base
RUN apt-get update \
  && apt-get install -y --no-install-recommends ca-certificates tini \
  && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
  && useradd --uid 10001 --user-group --create-home --home-dir /home/legate --shell /usr/sbin/nologin legate
COPY --from=build /usr/local/bin/node /usr/local/bin/node
COPY --chmod=0755 deploy/image/legate /usr/local/bin/legate
COPY deploy/image/health.mjs /app/health.mjs
RUN node --version
WORKDIR /home/legate
LABEL org.opencontainers.image.vendor="Legate" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.base.name="docker.io/library/debian:bookworm-slim"

# The delegate: bash and what most templates call. Tools of a store are added in an image of your own, or put
# into /opt/legate/bin, as docs/installing.md shows.
FROM base AS agent
RUN apt-get update \
  && apt-get install -y --no-install-recommends bash curl jq openssl openssh-client \
  && rm -rf /var/lib/apt/lists/* /var/log/apt /var/log/dpkg.log \
  && install -d -o 10001 -g 10001 /opt/legate/bin \
  # Nothing in here needs another user's rights.
  && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
COPY --chmod=0755 deploy/image/agent-entrypoint /app/entrypoint
COPY deploy/image/starting.mjs /app/starting.mjs
COPY --from=build /src/dist/agent/legate.js /app/legate.js
# Last, so that nothing in it stands before the image's own programs.
ENV NODE_ENV=production PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/opt/legate/bin
USER 10001:10001
EXPOSE 3460
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/app/health.mjs"]
# As a subreaper, tini also ends the zombies of a container in which it is not process 1.
ENTRYPOINT ["/usr/bin/tini", "-s", "--", "/app/entrypoint"]
CMD ["legate", "agent"]
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Legate delegate" \
  org.opencontainers.image.description="Runs small scripts near a secret store, for a Legate control plane" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION"

FROM base AS control-plane
RUN install -d -o 10001 -g 10001 -m 0700 /var/lib/legate \
  && find / -xdev -type f -perm /6000 -exec chmod a-s {} +
# With the command line, for use inside: docker exec … legate get delegates
COPY --from=build /src/dist/control-plane /app
ENV NODE_ENV=production LEGATE_LISTEN=0.0.0.0:8080 LEGATE_DATA=/var/lib/legate \
  LEGATE_API_KEY_FILE=/var/lib/legate/admin.key
USER 10001:10001
VOLUME /var/lib/legate
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 CMD ["node", "/app/health.mjs"]
ENTRYPOINT ["/usr/bin/tini", "-s", "--"]
CMD ["legate", "server"]
ARG VERSION=dev
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Legate control plane" \
  org.opencontainers.image.description="Gets secrets out of any store, through delegates that run near it" \
  org.opencontainers.image.version="$VERSION" \
  org.opencontainers.image.revision="$REVISION"
