"""Python's lines about imports become a tree, which is folded by package."""

from perf_core.analysis.import_times import STANDARD_LIBRARY, ModuleImport, fold, parse, summarize

LOG = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:       200 |        300 | site
a line of the server's own log
import time:      4000 |       4000 |       json.decoder
import time:      1000 |       5000 |     json
import time:      3000 |       3000 |     shop.prices
import time:      2000 |      10000 |   shop.goods
import time:      1000 |      11000 | shop
"""


def test_modules_are_told_with_the_one_that_imported_them() -> None:
    assert parse(LOG) == (
        ModuleImport("_io", 0.1, 0.1, "site"),
        ModuleImport("site", 0.2, 0.3),
        ModuleImport("json.decoder", 4.0, 4.0, "json"),
        ModuleImport("json", 1.0, 5.0, "shop.goods"),
        ModuleImport("shop.prices", 3.0, 3.0, "shop.goods"),
        ModuleImport("shop.goods", 2.0, 10.0, "shop"),
        ModuleImport("shop", 1.0, 11.0),
    )


def test_packages_have_their_own_time_and_that_with_what_they_bring_along() -> None:
    shop, library = fold(parse(LOG))
    assert (shop.name, shop.modules, shop.own_ms, shop.total_ms, shop.importer) == ("shop", 3, 6.0, 11.0, "")
    assert (library.name, library.modules) == (STANDARD_LIBRARY, 4)
    assert round(library.own_ms, 3) == 5.3
    assert round(library.total_ms, 3) == 5.3
    assert library.importer == "shop.goods"


def test_slow_parts_of_a_package_stand_below_it() -> None:
    shop, _ = fold(parse(LOG))
    assert [(part.name, part.own_ms) for part in shop.parts] == [("shop.prices", 3.0), ("shop.goods", 2.0)]


def test_time_of_a_part_counts_each_import_once() -> None:
    # shop.goods.small is imported by a module that shop.goods imports.
    log = (
        "import time: 5000 | 5000 |     shop.goods.small\n"
        "import time: 2000 | 7000 |   shop.prices\n"
        "import time: 3000 | 10000 | shop.goods\n"
    )
    (shop,) = fold(parse(log))
    assert [(part.name, part.own_ms, part.total_ms) for part in shop.parts] == [
        ("shop.goods", 8.0, 10.0),
        ("shop.prices", 2.0, 7.0),
    ]


def test_times_are_medians_of_several_runs() -> None:
    slow = LOG.replace(
        "      3000 |       3000 |     shop.prices", "      9000 |       9000 |     shop.prices"
    )
    quick = LOG.replace(
        "      3000 |       3000 |     shop.prices", "      2000 |       2000 |     shop.prices"
    )
    imports = summarize([parse(LOG), parse(slow), parse(quick)])
    assert imports is not None
    assert (imports.runs, imports.modules, imports.processes) == (3, 7, 1)
    assert {each.name: each.own_ms for each in imports.slowest}["shop.prices"] == 3.0
    assert imports.slowest[0].name == "json.decoder"


def test_two_processes_are_counted_by_the_module_that_each_imports_itself() -> None:
    imports = summarize([parse(LOG + LOG)])
    assert imports is not None
    assert imports.processes == 2
    assert round(imports.total_ms, 3) == 22.6


def test_other_programs_have_no_imports() -> None:
    assert parse("listening at 8100\n") == ()
    assert summarize([(), ()]) is None
