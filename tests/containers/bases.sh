#!/bin/sh
# Base images from Debian's packages, for a machine that reaches those and no registry of images:
#
#   sh tests/containers/bases.sh         as root, with podman and mmdebstrap; makes localhost/python:slim, localhost/node:slim
#                                        and localhost/prometheus
#
# They ask for packages where this machine does: its sources, certificates and the settings of pip and npm are copied.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
build() { podman build --isolation=chroot --network host --quiet --tag "$1" --file - "$folder"; }

mmdebstrap --quiet --variant=minbase --include=python3,python3-venv,python3-dev,python3-pip,ca-certificates \
    "$(. /etc/os-release && echo "$VERSION_CODENAME")" "$folder/debian.tar"
podman import --quiet "$folder/debian.tar" localhost/debian
rm "$folder/debian.tar"

mkdir "$folder/etc" "$folder/root"
cp -RL /etc/apt "$folder/etc/apt"
mkdir -p "$folder/etc/ssl/certs" && cp -L /etc/ssl/certs/ca-certificates.crt "$folder/etc/ssl/certs/"
for file in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.npmrc"; do
    [ ! -f "$file" ] || install -D "$file" "$folder$(echo "$file" | sed "s#^$HOME#/root#")"
done
build localhost/python:slim <<END
FROM localhost/debian
RUN rm -r /etc/apt
COPY etc /etc
COPY root /root
ENV PIP_FIND_LINKS="${PIP_FIND_LINKS:-}" PIP_BREAK_SYSTEM_PACKAGES=1
RUN ln -sf python3 /usr/bin/python
END

node=$(readlink -f "$(command -v node)")
npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
cp "$node" "$folder/node"
cp -R "$npm" "$folder/npm"
build localhost/node:slim <<END
FROM localhost/python:slim
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && npm --version
END

build localhost/prometheus <<END
FROM localhost/python:slim
RUN apt-get update && apt-get install -y --no-install-recommends prometheus && rm -rf /var/lib/apt/lists/*
VOLUME /prometheus
ENTRYPOINT ["prometheus"]
CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
END
