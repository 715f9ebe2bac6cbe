# One static binary on an empty file system. Build with --build-arg VERSION="$(git describe --tags --always)".
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download && mkdir /data
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -tags nomsgpack -ldflags "-s -w -X main.version=$VERSION" -o /rekey ./cmd/rekey

FROM scratch
# The roots that outgoing TLS (SMTP, Postgres) is checked against, and the licence.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/LICENSE /LICENSE
COPY --from=build /rekey /rekey
# The one directory that is written to: run with --read-only and a volume here. On Postgres it holds temporary files alone.
COPY --from=build --chown=65532:65532 --chmod=0700 /data /var/lib/rekey
VOLUME /var/lib/rekey
ENV REKEY_DATA_DIR=/var/lib/rekey TMPDIR=/var/lib/rekey REKEY_LISTEN=:8080
USER 65532:65532
EXPOSE 8080
# The file system has no shell and no curl: the binary asks its own /readyz.
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/rekey", "health"]
ENTRYPOINT ["/rekey"]
CMD ["serve"]
