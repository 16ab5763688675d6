"""A process around Kubo's core as a shared library: kubo_core.py LIBRARY REPOSITORY ROOT... prints JSON.

The repository holds blocks already; no address is listened on and nobody is asked. For each root a file is written as
Kubo reads it, beside the repository, and the root is pinned with everything below it. It must be a process of its own:
the library logs into the working folder, ignores SIGTERM and never ends.
"""

import ctypes
import json
import os
import sys
from pathlib import Path

CONFIG_OF_NOBODY = {
    "Bootstrap": [],
    "Addresses": {"Swarm": [], "API": [], "Gateway": []},
    "Discovery": {"MDNS": {"Enabled": False}},
    "Routing": {"Type": "none"},
    "Swarm": {"DisableNatPortMap": True},
}

kubo = ctypes.CDLL(sys.argv[1])
kubo.ListPins.restype = ctypes.c_char_p
repository = sys.argv[2].encode()
assert kubo.CreateRepo(repository) == 1
config = Path(sys.argv[2]) / "config"
config.write_text(json.dumps(json.loads(config.read_text()) | CONFIG_OF_NOBODY))
assert kubo.RunNode(repository) == 1
for root in sys.argv[3:]:
    print(
        json.dumps(
            [kubo.Download(repository, root.encode(), root.encode()), kubo.PinCID(repository, root.encode())]
        )
    )
print(kubo.ListPins(repository).decode(), flush=True)
os._exit(0)
