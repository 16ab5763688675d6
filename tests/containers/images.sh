#!/bin/sh
# Build the images of deploy/docker/Dockerfile with podman; options go to `podman build`:
#
#   sh tests/containers/images.sh
#   sh tests/containers/images.sh --build-arg PYTHON_IMAGE=localhost/python:slim --build-arg NODE_IMAGE=localhost/node:slim \
#       --isolation=chroot --network host
set -eu
cd "$(dirname "$0")/../.."
for target in node verifier devnet; do
    podman build --file deploy/docker/Dockerfile --target "$target" --tag "cupel-$target" "$@" .
done
