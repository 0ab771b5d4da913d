"""Files are found in what the system and Python tell, and put out of memory."""

import os
import sys
from pathlib import Path

import pytest

from perf_core.errors import UsageError
from perf_core.runs.cold_start import file_cache

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux evicts single files")

VERBOSE = """\
import _frozen_importlib # frozen
# /env/__pycache__/shop.cpython-311.pyc matches /env/shop.py
# code object from '/env/__pycache__/shop.cpython-311.pyc'
import 'shop' # <_frozen_importlib_external.SourceFileLoader object at 0x7f>
# extension module '_json' loaded from '/usr/lib/_json.so'
# extension module '_json' executed from '/usr/lib/_json.so'
# code object from /env/sold out.py
"""


def test_files_that_python_imports_are_found_in_its_verbose_output() -> None:
    names = ("/env/__pycache__/shop.cpython-311.pyc", "/env/shop.py", "/usr/lib/_json.so", "/env/sold out.py")
    assert file_cache.python_files(VERBOSE) == set(map(Path, names))


@needs_linux
def test_mapped_files_of_a_process_are_those_of_its_program_and_libraries() -> None:
    files = file_cache.mapped_files(os.getpid())
    assert Path(sys.executable).resolve() in files or any("libpython" in path.name for path in files)
    assert all(path.is_absolute() and not str(path).startswith(("/dev/", "/proc/")) for path in files)


def test_files_that_a_command_names_are_found_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "server.js").write_text("")
    assert file_cache.argument_files(("node", "server.js", "--x", "a" * 5000), tmp_path) == {
        (tmp_path / "server.js").resolve()
    }


@needs_linux
def test_an_evicted_file_is_not_in_memory(tmp_path: Path) -> None:
    path, gone = tmp_path / "module.pyc", tmp_path / "gone"
    path.write_bytes(os.urandom(300_000))
    path.read_bytes()
    if file_cache.resident_share([path]) != 1:
        pytest.skip("this file system has no page cache, or does not tell")
    evicted = file_cache.evict([path, gone])
    assert (evicted.method, evicted.files, evicted.size_mb) == ("posix_fadvise", 1, 0.3)
    if evicted.kept_share == 1:
        pytest.skip("this file system keeps everything in memory, such as tmpfs")
    assert evicted.kept_share == 0
    path.read_bytes()
    assert file_cache.resident_share([path]) == 1


def test_caches_of_the_whole_machine_are_dropped_by_root_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(file_cache, "_DROP_CACHES", tmp_path / "missing" / "drop_caches")
    with pytest.raises(UsageError, match="--drop-caches: expected to write"):
        file_cache.drop_caches([])
    switch = tmp_path / "drop_caches"
    monkeypatch.setattr(file_cache, "_DROP_CACHES", switch)
    assert file_cache.drop_caches([tmp_path / "missing"]).method == "drop_caches"
    assert switch.read_text() == "3\n"
