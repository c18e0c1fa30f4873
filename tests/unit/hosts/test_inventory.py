"""Taking an inventory: what is there is told as it is, nothing of it runs, and what is broken is named."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import jsonschema
import pytest

from fixtures.hosts import HostSite, make_host
from fixtures.wheels import WheelSpec
from lockhouse.codec import decode, encode
from lockhouse.errors import InterpreterNotFound, SubprocessFailed
from lockhouse.hosts.asking import ask_host
from lockhouse.hosts.reading import recorded_paths
from lockhouse.hosts.taking import still_holds, take_inventory
from lockhouse.inventory import Inventory

SCHEMA = Path(__file__).parents[3] / "schemas" / "inventory.schema.json"


@pytest.fixture
def host(tmp_path: Path) -> HostSite:
    return make_host(
        tmp_path / "host",
        WheelSpec("NumPy", "2.1.0", requires_python=">=3.9", files={"numpy/__init__.py": "", "numpy/linalg.py": ""}),
        WheelSpec("Top.Level", "1.0", ["numpy>=2", "tool; extra == 'all'"], extras=["all"]),
    )


def problems(inventory: Inventory) -> dict[str, str]:
    return {problem.code: problem.distribution for problem in inventory.problems}


def test_a_distribution_is_told_with_all_that_it_says_of_itself(host: HostSite) -> None:
    found = host.inventory()
    numpy, top = found.distributions
    assert (numpy.name, numpy.version, numpy.installer, numpy.requires_python) == ("numpy", "2.1.0", "pip", ">=3.9")
    assert numpy.imports == ("numpy",)
    assert numpy.site == str(host.packages)
    assert (top.name, top.requires, top.extras) == ("top-level", ("numpy>=2", "tool; extra == 'all'"), ("all",))
    assert recorded_paths(numpy) is not None
    assert "numpy/linalg.py" in (recorded_paths(numpy) or ())
    assert not found.problems
    assert found.distribution("Numpy") == numpy
    assert found.distribution("tool") is None


def test_an_inventory_says_where_wheels_would_go_and_which_python_it_is(host: HostSite) -> None:
    found = host.inventory()
    assert found.places["purelib"] == str(host.packages)
    assert found.places["scripts"] == str(host.root / "bin")
    assert found.places["headers"].startswith(str(host.root / "include"))
    assert (found.prefix, found.base) == (str(host.root), sys.base_prefix)
    assert found.interpreter.version.startswith("3.")
    assert found.managed is None


def test_an_inventory_survives_being_written_down_and_fits_its_schema(host: HostSite) -> None:
    found = host.inventory()
    written = json.loads(json.dumps(encode(found)))
    assert decode(Inventory, written) == found
    assert decode(Inventory, written).digest == found.digest
    jsonschema.validate({"schema": "lockhouse.inventory/1", **written}, json.loads(SCHEMA.read_text()))


def test_nothing_of_a_host_is_imported(host: HostSite, tmp_path: Path) -> None:
    traces = tmp_path / "trace"
    host.put(WheelSpec("trap", files={"trap/__init__.py": f"open({str(traces)!r}, 'w')"}))
    (host.packages / "json.py").write_text(f"open({str(traces)!r}, 'w')")
    assert host.inventory().distribution("trap")
    assert not traces.exists()


def test_the_users_own_folder_takes_part_and_comes_first(tmp_path: Path) -> None:
    host = make_host(tmp_path / "host", WheelSpec("numpy", "2.0"), options=["--system-site-packages"])
    home = tmp_path / "home"
    release = f"python{sys.version_info.major}.{sys.version_info.minor}"
    user = home / ".local/lib" / release / "site-packages"
    host.put(WheelSpec("numpy", "1.26"), into=user)
    host.put(WheelSpec("only-here"), into=user)
    environ = {"PATH": os.environ["PATH"], "HOME": str(home)}
    found = take_inventory(ask_host(host.python, environ))
    assert {site.kind for site in found.sites if site.path == str(user)} == {"user"}
    assert found.distribution("only-here")
    # In a virtual environment its own folder is before the user's.
    assert found.effective["numpy"].version == "2.0"
    assert problems(found)["duplicate"] == "numpy"
    without = take_inventory(ask_host(host.python, {**environ, "PYTHONNOUSERSITE": "1"}))
    assert without.distribution("only-here") is None


def test_folders_added_by_pth_files_and_several_names_of_one_folder_are_seen_once(
    host: HostSite, tmp_path: Path
) -> None:
    more = tmp_path / "more"
    host.put(WheelSpec("beside"), into=more)
    (tmp_path / "alias").symlink_to(more)
    (host.packages / "more.pth").write_text(f"{more}\n{tmp_path / 'alias'}\n{tmp_path / 'gone'}\n")
    found = host.inventory()
    assert [site.path for site in found.sites if site.kind == "path"] == [str(more)]
    assert [item.name for item in found.distributions].count("beside") == 1


def test_an_editable_distribution_is_told_with_its_origin(host: HostSite) -> None:
    host.put(WheelSpec("mine", files={"__editable__.mine.pth": "/nowhere\n"}))
    info = host.packages / "mine-1.0.dist-info"
    (info / "direct_url.json").write_text('{"url": "file:///home/me/mine", "dir_info": {"editable": true}}')
    (info / "top_level.txt").write_text("mine\n")
    (info / "REQUESTED").touch()
    mine = host.inventory().effective["mine"]
    assert (mine.editable, mine.origin, mine.requested) == (True, "file:///home/me/mine", True)
    assert mine.imports == ("mine",)


def test_distributions_of_the_system_without_record_are_told(host: HostSite) -> None:
    folder = host.packages / "PyJWT-2.6.0.egg-info"
    folder.mkdir()
    (folder / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: PyJWT\nVersion: 2.6.0\n")
    (folder / "top_level.txt").write_text("jwt\n")
    (folder / "requires.txt").write_text(
        "typing-extensions\n\n[:python_version < '3.8']\nbackport\n\n[crypto:os_name == 'posix']\ncryptography>=3\n"
    )
    (host.packages / "perf-0.1.egg-info").write_text("Metadata-Version: 1.0\nName: perf\nVersion: 0.1\n")
    found = host.inventory()
    jwt, perf = found.effective["pyjwt"], found.effective["perf"]
    assert (jwt.version, jwt.imports, jwt.record, jwt.installer) == ("2.6.0", ("jwt",), None, None)
    assert jwt.requires == (
        "typing-extensions",
        "backport ; (python_version < '3.8')",
        """cryptography>=3 ; (os_name == 'posix') and extra == "crypto\"""",
    )
    assert perf.version == "0.1"
    assert recorded_paths(perf) is None
    assert not found.problems  # that is how systems do it


@pytest.mark.parametrize(
    ("spoil", "code", "listed"),
    [
        (lambda info: (info / "METADATA").unlink(), "no-metadata", False),
        (lambda info: (info / "METADATA").write_bytes(b""), "unreadable-metadata", False),
        (lambda info: (info / "METADATA").write_text("Name: numpy\nVersion: many\n\n"), "unreadable-metadata", False),
        (lambda info: (info / "RECORD").unlink(), "no-record", True),
        (lambda info: (info / "METADATA").chmod(0) or (info / "METADATA").rename(info / "M"), "no-metadata", False),
    ],
    ids=["missing", "empty", "no version", "no record", "gone"],
)
def test_broken_metadata_is_named_and_hides_nothing_else(host: HostSite, spoil, code, listed) -> None:  # type: ignore[no-untyped-def]
    spoil(host.packages / "NumPy-2.1.0.dist-info")
    found = host.inventory()
    assert problems(found) == {code: "numpy"}
    assert (found.distribution("numpy") is not None) == listed
    assert found.distribution("top-level")


def test_what_pip_left_behind_and_what_is_there_twice_is_named(host: HostSite) -> None:
    (host.packages / "~umpy").mkdir()
    host.put(WheelSpec("NumPy", "1.26"))
    found = host.inventory()
    assert problems(found) == {"leftover": "", "duplicate": "numpy"}
    (twice,) = [problem for problem in found.problems if problem.code == "duplicate"]
    assert "1.26" in twice.message
    assert "2.1.0" in twice.message


def test_archives_are_named(host: HostSite, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "some"), "zip", host.packages)
    (host.packages / "zip.pth").write_text(f"{tmp_path / 'some.zip'}\n")
    assert problems(host.inventory()) == {"archive": ""}


def test_an_inventory_holds_until_something_comes_goes_or_is_edited(host: HostSite) -> None:
    found = host.inventory()
    assert still_holds(found)
    assert found.digest == host.inventory().digest
    metadata = host.packages / "NumPy-2.1.0.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text() + "x")
    assert not still_holds(found)
    found = host.inventory()
    host.put(WheelSpec("new"))
    assert not still_holds(found)
    assert host.inventory().digest != found.digest


def test_output_of_pth_files_does_not_disturb_the_answer(host: HostSite) -> None:
    (host.packages / "loud.pth").write_text("import sys; sys.stdout.write('lockhouse-host: hello')\n")
    assert host.inventory().distribution("numpy")


def test_a_host_that_cannot_start_is_an_error_that_says_what_it_printed(host: HostSite) -> None:
    (host.packages / "dead.pth").write_text(
        "import sys; sys.stderr.write('no start today\\n'); import os; os._exit(3)\n"
    )
    with pytest.raises(SubprocessFailed) as caught:
        host.inventory()
    assert "no start today" in str(caught.value.cause)
    with pytest.raises(InterpreterNotFound):
        ask_host(host.root / "bin" / "nothing")
