"""The resolver as a subprocess: what it is told, and what is made of its answers."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from packaging.tags import sys_tags

from fixtures.index import Index, serving
from fixtures.servers import answering, reply
from fixtures.wheels import build_wheel
from lockhouse.errors import NetworkError, ResolutionError
from lockhouse.resolution.uv import Cut, Preference, Request, Resolved, Server, resolve
from lockhouse.wheels.configuration import read_pip_configuration

RELEASE = f"{sys.version_info.major}.{sys.version_info.minor}"


def solve(*requirements: str, **fields: Any) -> dict[str, Resolved]:
    tags = tuple(str(tag) for tag in sys_tags())
    request = Request(python=sys.executable, release=RELEASE, tags=tags, requirements=requirements, **fields)
    found = resolve(request, read_pip_configuration(os.environ), Path(tempfile.gettempdir()))
    return {item.name: item for item in found}


def general(index: Index) -> tuple[Server, ...]:
    return (Server(name="general", url=index.url, default=True),)


def test_answer_has_address_hash_and_size(index: Index) -> None:
    path = build_wheel(index.folder, "alpha", "1.0", "beta>=2")
    build_wheel(index.folder, "beta", "2.0")
    found = solve("alpha", general=general(index))
    assert set(found) == {"alpha", "beta"}
    alpha = found["alpha"]
    assert (alpha.version, alpha.filename, alpha.size) == ("1.0", path.name, path.stat().st_size)
    assert alpha.url == f"{index.base}/files/{path.name}"
    assert alpha.sha256 is not None


def test_file_name_with_a_label_is_unquoted(index: Index) -> None:
    build_wheel(index.folder, "torch", "2.0+cu124")
    assert solve("torch", general=general(index))["torch"].filename == "torch-2.0+cu124-py3-none-any.whl"


def test_routed_name_comes_from_its_server_alone(index: Index, tmp_path: Path) -> None:
    with serving(tmp_path / "vendor") as vendor:
        build_wheel(index.folder, "torch", "3.0")
        build_wheel(vendor.folder, "torch", "2.0+cpu", "helper")
        build_wheel(index.folder, "helper", "1.0")
        build_wheel(vendor.folder, "helper", "9.0")
        found = solve(
            "torch",
            general=general(index),
            explicit=(Server(name="variant", url=vendor.url),),
            routes={"torch": "variant"},
        )
    assert {name: item.version for name, item in found.items()} == {"torch": "2.0+cpu", "helper": "1.0"}


def test_folder_of_wheels_is_a_server(tmp_path: Path) -> None:
    path = build_wheel(tmp_path / "flat", "alpha")
    found = solve(
        "alpha",
        explicit=(Server(name="variant", url=str(tmp_path / "flat"), flat=True),),
        routes={"alpha": "variant"},
        offline=True,
    )
    assert found["alpha"].url == path.as_uri()
    assert found["alpha"].size == path.stat().st_size


def test_cut_edge_is_not_followed(index: Index) -> None:
    build_wheel(index.folder, "sloth", "1.0", "torchao", "alpha")
    build_wheel(index.folder, "alpha")
    cut = Cut(name="sloth", version="1.0", requires=("alpha",), requires_python=None)
    assert set(solve("sloth", general=general(index), cuts=(cut,))) == {"sloth", "alpha"}


def test_preferred_version_is_kept_while_it_fits(index: Index) -> None:
    for version in ("1.0", "1.1", "2.0"):
        build_wheel(index.folder, "alpha", version)
    earlier = Preference(name="alpha", version="1.0", url=f"{index.base}/files/x.whl", sha256="0" * 64)
    assert solve("alpha", general=general(index), preferences=(earlier,))["alpha"].version == "1.0"
    assert solve("alpha>1", general=general(index), preferences=(earlier,))["alpha"].version == "2.0"


def test_first_index_that_knows_a_name_serves_it(index: Index, tmp_path: Path) -> None:
    with serving(tmp_path / "second") as second:
        build_wheel(index.folder, "alpha", "1.0")
        build_wheel(second.folder, "alpha", "2.0")
        both = (Server(name="first", url=index.url), Server(name="second", url=second.url, default=True))
        assert solve("alpha", general=both)["alpha"].version == "1.0"
        assert solve("alpha", general=both, strategy="unsafe-best-match")["alpha"].version == "2.0"


def test_contradiction_is_explained_in_the_words_of_the_manifest(index: Index) -> None:
    build_wheel(index.folder, "alpha", "1.0", "beta<2")
    build_wheel(index.folder, "beta", "2.0")
    with pytest.raises(ResolutionError) as caught:
        solve("alpha", "beta>=2", general=general(index))
    cause = str(caught.value.cause)
    assert "beta" in cause
    assert "alpha" in cause
    assert "lockhouse-plan" not in cause


def test_unreachable_index_is_a_network_error_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(NetworkError) as caught:
        solve("alpha", general=(Server(name="general", url="http://user:secret@127.0.0.1:9/simple/", default=True),))
    error = caught.value
    assert "secret" not in f"{error.summary}{error.cause}{error.url}"


@pytest.mark.parametrize(
    ("yanked", "reason"), [('it breaks\n  "everything"', 'it breaks "everything"'), (True, ""), (False, None)]
)
def test_withdrawn_wheel_is_taken_only_where_it_is_pinned_and_carries_the_reason(
    index: Index, yanked: str | bool, reason: str | None
) -> None:
    build_wheel(index.folder, "alpha", "1.0")
    index.faults.yanked[build_wheel(index.folder, "alpha", "2.0").name] = yanked
    assert solve("alpha", general=general(index))["alpha"].version == ("1.0" if yanked else "2.0")
    pinned = solve("alpha==2.0", general=general(index))["alpha"]
    assert (pinned.version, pinned.yanked) == ("2.0", reason)


def test_withdrawn_wheel_that_was_locked_is_kept_and_carries_the_reason(index: Index) -> None:
    build_wheel(index.folder, "alpha", "1.0")
    index.faults.yanked[build_wheel(index.folder, "alpha", "2.0").name] = "broken"
    earlier = Preference(name="alpha", version="2.0", url=f"{index.base}/files/x.whl", sha256="0" * 64)
    kept = solve("alpha", general=general(index), preferences=(earlier,))["alpha"]
    assert (kept.version, kept.yanked) == ("2.0", "broken")


def test_users_own_uv_settings_do_not_count(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    build_wheel(index.folder, "alpha")
    monkeypatch.setenv("UV_INDEX_URL", "http://127.0.0.1:9/simple/")
    monkeypatch.setenv("UV_NO_INDEX", "1")
    assert "alpha" in solve("alpha", general=general(index))


def test_wheel_with_the_best_tag_is_taken(index: Index) -> None:
    best = next(tag for tag in sys_tags() if "any" not in tag.platform)
    build_wheel(index.folder, "alpha")
    build_wheel(index.folder, "alpha", tag=str(best))
    assert solve("alpha", general=general(index))["alpha"].filename == f"alpha-1.0-{best}.whl"


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/vnd.pypi.simple.v1+json", b'{"files": [oops'),
        ("application/vnd.pypi.simple.v1+json", b'{"files": 3}'),
        ("application/octet-stream", b"{}"),
    ],
)
def test_what_is_no_index_page_is_a_network_error_with_its_address(kind: str, body: bytes) -> None:
    with answering(lambda request: reply(request, 200, body, Content_Type=kind)) as url:
        with pytest.raises(NetworkError) as caught:
            solve("alpha", general=(Server(name="general", url=f"{url}/simple/", default=True),))
        assert caught.value.url == f"{url}/simple/alpha/"
    assert caught.value.summary == "what answered is no package index"


@pytest.mark.parametrize("status", [401, 403])
def test_index_that_refuses_is_a_network_error_with_its_address(status: int) -> None:
    with answering(lambda request: reply(request, status)) as url:
        with pytest.raises(NetworkError) as caught:
            solve("alpha", general=(Server(name="general", url=f"{url}/simple/", default=True),))
        assert caught.value.url == f"{url}/simple/"
    assert [hint.code for hint in caught.value.hints] == ["check-credentials", "check-name"]
