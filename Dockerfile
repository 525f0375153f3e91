# push-mirror: push mirroring of package archives as one container.
#
# Build (classic builder or BuildKit):
#
#     docker build -t push-mirror .
#
# Run a mirror that pulls, and answers triggers once it is given keys (README.md has the table of variables):
#
#     docker run -d --name mirror \
#         -e MIRROR_NAME=mirror.example.org \
#         -e MIRROR_ARCHIVES__DEBIAN__UPSTREAM=rsync://upstream.example.net/debian \
#         -v mirror-data:/srv/mirror -v mirror-state:/var/lib/mirror \
#         -p 2222:2222 -p 873:8730 -p 80:8080 \
#         --read-only --tmpfs /run:mode=1777 --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#         push-mirror
#
# Any `--user` works, as long as it may write to both volumes. compose.yaml does the same with an env file.

ARG BASE_IMAGE=debian:trixie-slim
FROM ${BASE_IMAGE}

LABEL org.opencontainers.image.title="push-mirror" \
      org.opencontainers.image.description="Push mirroring of package archives, wire-compatible with ftpsync" \
      org.opencontainers.image.licenses="Apache-2.0"

# Everything from the distribution: one package manager, one security team. Its own configuration of the daemons goes,
# and so do the host keys that the package made: every container makes its own. Nobody becomes somebody else in it, also
# where no-new-privileges was forgotten.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        apprise \
        ca-certificates \
        gpgv \
        libnginx-mod-stream \
        libnss-cache \
        nginx-light \
        openssh-client \
        openssl \
        openssh-server \
        python3 \
        python3-cronsim \
        python3-debian \
        python3-httpx \
        python3-jinja2 \
        python3-maxminddb \
        python3-prometheus-client \
        python3-pydantic-settings \
        python3-rich \
        python3-sh \
        python3-starlette \
        python3-typer \
        python3-uvicorn \
        python3-zstandard \
        rsync \
        supervisor \
        tini \
        tzdata \
 && rm -rf /etc/nginx /etc/ssh/sshd_config* /etc/ssh/ssh_host_* /etc/supervisor /etc/pam.d/sshd /var/log/* \
           /var/cache/apt/* /var/cache/debconf/*-old /var/lib/apt/lists/* /var/www /run/* /srv/* /tmp/* \
 && find / -xdev -type f -perm /6000 -exec chmod a-s {} +

COPY rootfs /
COPY LICENSE /usr/share/doc/push-mirror/copyright
COPY appliance /usr/lib/python3/dist-packages/appliance

# The root filesystem is read-only later: compile now. Whatever the modes of the checkout were, every uid may read.
# The three directories are where volumes and tmpfs go; without them the container still works, under any uid.
RUN chmod -R a+rX,go-w /usr/lib/python3/dist-packages/appliance /etc/nsswitch.conf /usr/share/doc/push-mirror \
        /usr/share/push-mirror \
 && chmod 755 /usr/bin/mirror-* /usr/bin/mirrorctl \
 && python3 -m compileall -q /usr/lib/python3/dist-packages/appliance \
 && mirrorctl completion bash >/etc/mirrorctl.bash \
 && echo '. /etc/mirrorctl.bash' >>/etc/bash.bashrc \
 && for map in passwd group shadow; do ln -s /run/mirror/users/$map /etc/$map.cache; done \
 && mkdir -p /srv/mirror /var/lib/mirror \
 && chmod 1777 /run /srv/mirror /var/lib/mirror

USER 10001:10001
VOLUME ["/srv/mirror", "/var/lib/mirror"]
EXPOSE 2222 8730 1873 8080 8443

HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 CMD ["/usr/bin/mirror-health"]
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/bin/python3", "-I", "-m", "appliance"]
CMD ["boot"]
