"""Libraries that compiled files need and that nobody provides; and the CUDA that they were built for."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from fixtures.elves import elf
from fixtures.judged import Case
from fixtures.wheels import WheelSpec
from lockhouse.audits.libraries import Libraries
from lockhouse.extensions.system import System, cuda_major, this_system
from lockhouse.findings import Finding

TAG = "cp311-cp311-manylinux_2_17_x86_64"
MODULE = "{}/m.cpython-311-x86_64-linux-gnu.so"

linux = pytest.mark.skipif(sys.platform != "linux", reason="the plan's platform is Linux, and this machine is asked")


def wheel(name: str, files: dict[str, bytes], *requires: str) -> WheelSpec:
    return WheelSpec(name, requires=requires, tag=TAG, files={f"{name}/__init__.py": b"", **files})


def case_of(tmp_path: Path, *specs: WheelSpec) -> Case:
    return Case(tmp_path, specs, {"base": [spec.name for spec in specs]})


def found(case: Case, *here: str) -> list[Finding]:
    """What the rule says on a machine with some libraries."""
    libraries = dict.fromkeys(("libz.so.1", "libstdc++.so.6", "libgcc_s.so.1", *here), "/usr/lib")
    return list(Libraries(lambda: System(libraries=libraries)).examine(case.subject()))


def only(case: Case, *here: str) -> Finding:
    (finding,) = found(case, *here)
    return finding


def runtime(major: str) -> WheelSpec:
    library = f"libcudart.so.{major}"
    return wheel("runtime", {f"nvidia/lib/{library}": elf(soname=library)})


@linux
def test_a_module_that_needs_what_nobody_provides_is_a_warning_that_names_it(tmp_path: Path) -> None:
    module = elf(needed=["libfoo.so.3", "libc.so.6"], runpath="$ORIGIN/../foo.libs:/opt/foo/lib")
    finding = only(case_of(tmp_path, wheel("a", {MODULE.format("a"): module})))
    assert (finding.code, finding.severity) == ("libraries.missing", "warn")
    assert finding.message.startswith(
        "a 1.0: its only extension module cannot be loaded without libfoo.so.3, which nothing in the plan provides and "
        f"this system does not have: {MODULE.format('a')} of a needs libfoo.so.3, and looks for it in "
        "$ORIGIN/../foo.libs, /opt/foo/lib first"
    )


@linux
@pytest.mark.parametrize(
    "files",
    [
        {"a.libs/libfoo-1a2b.so.3": elf(soname="libfoo.so.3")},
        {"a.libs/libfoo.so.3": elf()},
        {"other/libfoo.so": elf(soname="libfoo.so.3")},
    ],
)
@pytest.mark.parametrize("owner", ["a", "b"])
def test_a_library_is_provided_under_its_own_name_or_its_files_by_any_wheel(
    tmp_path: Path, files: dict[str, bytes], owner: str
) -> None:
    module = {MODULE.format("a"): elf(needed=["libfoo.so.3"])}
    specs = [wheel("a", {**module, **files})] if owner == "a" else [wheel("a", module), wheel("b", files)]
    assert found(case_of(tmp_path, *specs)) == []


@linux
def test_what_a_provided_library_needs_counts_as_well_and_circles_end(tmp_path: Path) -> None:
    files = {
        MODULE.format("a"): elf(needed=["libone.so"]),
        "a.libs/libone.so": elf(needed=["libtwo.so"]),
        "a.libs/libtwo.so": elf(needed=["libone.so", "libGL.so.1"]),
    }
    finding = only(case_of(tmp_path, wheel("a", files)))
    assert "a.libs/libtwo.so of a needs libGL.so.1" in finding.message
    assert finding.hint.startswith("install libgl1 (Debian, Ubuntu) or libglvnd-glx (Fedora, RHEL); or move a")
    assert found(case_of(tmp_path / "there", wheel("a", files)), "libGL.so.1") == []


@linux
def test_drivers_and_the_c_library_need_not_be_asked_for(tmp_path: Path) -> None:
    module = elf(needed=["libcuda.so.1", "libc.so.6", "ld-linux-x86-64.so.2", "libc.musl-x86_64.so.1"])
    assert found(case_of(tmp_path, wheel("a", {MODULE.format("a"): module}))) == []


@linux
def test_a_folder_that_the_file_names_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "libfoo.so.3").write_bytes(b"")
    module = elf(needed=["libfoo.so.3"], runpath=str(tmp_path))
    assert found(case_of(tmp_path / "project", wheel("a", {MODULE.format("a"): module}))) == []


@linux
def test_some_files_that_cannot_be_loaded_are_a_note(tmp_path: Path) -> None:
    files = {"a/libcpu.so": elf(), "a/libgpu.so": elf(needed=["libfoo.so.3"]), "a/libxpu.so": elf(needed=["libbar.so"])}
    finding = only(case_of(tmp_path, wheel("a", files)))
    assert (finding.code, finding.severity) == ("libraries.partly", "note")
    assert "2 of its 3 compiled files cannot be loaded without libfoo.so.3, libbar.so" in finding.message


@linux
def test_most_modules_that_cannot_be_loaded_are_a_warning(tmp_path: Path) -> None:
    bad, good = elf(needed=["libfoo.so.3"]), elf()
    for number, (files, severity) in enumerate([((bad, bad, good), "warn"), ((bad, good, good), "note")]):
        built = {f"a/m{place}.abi3.so": data for place, data in enumerate(files)}
        finding = only(case_of(tmp_path / str(number), wheel("a", built)))
        assert (finding.code, finding.severity) == ("libraries.partly", severity)


@linux
def test_modules_of_another_python_do_not_count(tmp_path: Path) -> None:
    files = {"a/m.cpython-310-x86_64-linux-gnu.so": elf(needed=["libfoo.so.3"])}
    assert found(case_of(tmp_path, wheel("a", files))) == []


def test_for_another_machine_the_rules_of_manylinux_decide(tmp_path: Path) -> None:
    module = elf(needed=["libGL.so.1", "libfoo.so.3"])
    case = case_of(tmp_path, wheel("a", {MODULE.format("a"): module}))
    assert "without libfoo.so.3, which" in next(iter(Libraries(lambda: None).examine(case.subject()))).message


def test_files_of_other_systems_are_named_as_unchecked(tmp_path: Path) -> None:
    finding = only(case_of(tmp_path, wheel("a", {"a/m.pyd": b"MZ" + bytes(90), "a/libm.dylib": b"\xcf\xfa\xed\xfe"})))
    assert (finding.code, finding.severity) == ("libraries.unchecked", "note")
    assert "2 compiled files for Windows and macOS, whose libraries are not checked" in finding.message


@pytest.mark.parametrize("data", [b"", b"no library", b"\x7fELF and no more"])
def test_a_module_that_is_no_library_is_a_warning(tmp_path: Path, data: bytes) -> None:
    assert only(case_of(tmp_path, wheel("a", {MODULE.format("a"): data}))).code == "libraries.unreadable"


@linux
def test_this_machine_has_a_c_library() -> None:
    system = this_system()
    assert system is not None
    assert any(name.startswith("libc.") for name in system.libraries)


# cuda


def refused(case: Case) -> Sequence[Finding]:
    return case.findings("cuda.")


def test_what_was_built_for_another_cuda_than_the_plans_is_refused_by_the_library_it_lacks(tmp_path: Path) -> None:
    files = {"a/libcuda12.so": elf(needed=["libcublas.so.12", "libcudart.so.12"]), "a/libcpu.so": elf()}
    case = case_of(tmp_path, wheel("a", files), runtime("13"))
    (finding,) = refused(case)
    assert (finding.code, finding.severity) == ("cuda.other", "refuse")
    assert finding.message.startswith(
        "a 1.0 was built for CUDA 12: it needs libcudart.so.12, libcublas.so.12; "
        "the plan has CUDA 13 (libcudart.so.13 of runtime 1.0)"
    )
    assert not case.findings("libraries.")


@pytest.mark.parametrize(
    "needed",
    [["libcudart.so.13"], ["libcudart.so.13", "libcudart.so.12"], ["libcuda.so.1"], ["libcufft.so.11"], []],
)
def test_what_was_built_for_the_plans_cuda_or_for_none_passes(tmp_path: Path, needed: list[str]) -> None:
    assert not refused(case_of(tmp_path, wheel("a", {"a/libx.so": elf(needed=needed)}), runtime("13")))


def test_several_builds_in_one_wheel_pass_if_one_is_for_the_plans_cuda(tmp_path: Path) -> None:
    files = {f"a/libcuda{major}.so": elf(needed=[f"libcudart.so.{major}"]) for major in ("11.0", "12", "13")}
    assert not refused(case_of(tmp_path, wheel("a", files), runtime("13")))


def test_a_bundled_runtime_is_its_owners_own_and_counts_for_the_plan(tmp_path: Path) -> None:
    bundled = {"torch/lib/libcudart-9335f6a2.so.12": elf(soname="libcudart-9335f6a2.so.12")}
    torch = wheel("torch", {**bundled, "torch/lib/libtorch.so": elf(needed=["libcudart-9335f6a2.so.12"])})
    assert not refused(case_of(tmp_path, torch))
    other = wheel("a", {"a/libx.so": elf(needed=["libcudart.so.13"])})
    assert "the plan has CUDA 12" in refused(case_of(tmp_path / "more", torch, other))[0].message


def test_without_cuda_in_the_plan_nothing_is_refused(tmp_path: Path) -> None:
    assert not refused(case_of(tmp_path, wheel("a", {"a/libx.so": elf(needed=["libcudart.so.12"])})))


@pytest.mark.parametrize(
    ("library", "major"),
    [
        ("libcudart.so.11.0", "11"),
        ("libcublasLt.so.12", "12"),
        ("libcudart-9335f6a2.so.12", "12"),
        ("libcudart.so", None),
        ("libcuda.so.1", None),
        ("libcudnn.so.9", None),
    ],
)
def test_the_version_of_cuda_is_in_the_name_of_its_libraries(library: str, major: str | None) -> None:
    assert cuda_major(library) == major
