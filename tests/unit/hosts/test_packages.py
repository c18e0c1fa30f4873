"""Import names from paths."""

from __future__ import annotations

import pytest

from lockhouse.hosts.packages import names_from_paths


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["numpy/__init__.py", "numpy/core/__init__.py", "numpy/core/x.so"], ("numpy",)),
        (["six.py", "six-1.dist-info/METADATA", "__pycache__/six.cpython-311.pyc"], ("six",)),
        (["_yaml.cpython-311-x86_64-linux-gnu.so", "yaml/__init__.py"], ("_yaml", "yaml")),
        (["google/protobuf/__init__.py", "google/protobuf/x.py"], ("google.protobuf",)),
        (["google/cloud/storage.py"], ("google.cloud.storage",)),
        (["nvidia/cublas/lib/libcublas.so.12", "nvidia/cublas/__init__.py"], ("nvidia.cublas",)),
        (["../../../bin/tool.py", "distutils-precedence.pth"], ()),
        (["ext/__init__.abi3.so", "ext/inner.py"], ("ext",)),
        (["a-b/__init__.py", "data/table.csv", "__init__.py"], ()),
    ],
)
def test_names(paths: list[str], names: tuple[str, ...]) -> None:
    assert names_from_paths(paths) == names
