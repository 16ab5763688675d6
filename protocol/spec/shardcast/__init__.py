"""Content-addressed weights and files: addresses, the shape of a file's DAG, and the manifest of a version."""

from cupel.protocol.spec.shardcast.cid import Cid, Codec
from cupel.protocol.spec.shardcast.manifest import TensorShape, WeightsManifest
from cupel.protocol.spec.shardcast.unixfs import Link, child_links, file_dag, root_link

__all__ = ["Cid", "Codec", "Link", "TensorShape", "WeightsManifest", "child_links", "file_dag", "root_link"]
