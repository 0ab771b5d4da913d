"""Messages of Prometheus remote write 1.0, in which k6 sends its metrics while it runs; pure functions.

A message is a ``WriteRequest`` in protobuf, compressed by snappy. Of its series only what k6 fills is
declared here: names and labels, samples of counters and gauges, and native histograms of trends. The
specification is at prometheus.io/docs/specs/prw/remote_write_spec, the messages in Prometheus'
``prompb/types.proto``.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import cramjam
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

NAME_LABEL: Final = "__name__"

_PACKAGE: Final = "perf_core.prometheus"
_Field = descriptor_pb2.FieldDescriptorProto
_MESSAGES: Final[Mapping[str, tuple[tuple[str, int, int | str, bool], ...]]] = {
    # Name of each field, its number, its type or message, and whether it is repeated.
    "WriteRequest": (("timeseries", 1, "TimeSeries", True),),
    "TimeSeries": (
        ("labels", 1, "Label", True),
        ("samples", 2, "Sample", True),
        ("histograms", 4, "Histogram", True),
    ),
    "Label": (("name", 1, _Field.TYPE_STRING, False), ("value", 2, _Field.TYPE_STRING, False)),
    "Sample": (("value", 1, _Field.TYPE_DOUBLE, False), ("timestamp", 2, _Field.TYPE_INT64, False)),
    "Histogram": (
        ("count_int", 1, _Field.TYPE_UINT64, False),
        ("sum", 3, _Field.TYPE_DOUBLE, False),
        ("schema", 4, _Field.TYPE_SINT32, False),
        ("zero_count_int", 6, _Field.TYPE_UINT64, False),
        ("positive_spans", 11, "BucketSpan", True),
        ("positive_deltas", 12, _Field.TYPE_SINT64, True),
    ),
    "BucketSpan": (("offset", 1, _Field.TYPE_SINT32, False), ("length", 2, _Field.TYPE_UINT32, False)),
}


@dataclass(frozen=True)
class Buckets:
    """A native histogram, or the difference of two: bucket ``i`` counts values from base^(i - 1) to base^i.

    Attributes:
        schema: The base is 2^(2^-schema).
        zeros: Number of values that are zero.
        total: Sum of the values.
        counts: Number of values by bucket; buckets without values may be absent.
    """

    schema: int
    zeros: int = 0
    total: float = 0.0
    counts: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Sent:
    """Content of a message on one series: everything since the start of the run, not since the last message.

    Attributes:
        key: Name and labels.
        value: Value of a counter or gauge; the number of values of a trend.
        buckets: Histogram of a trend; None of others.
    """

    name: str
    key: tuple[tuple[str, str], ...]
    value: float
    buckets: Buckets | None = None


@cache
def message_class() -> Any:
    """Return the class of the message; made here, since generated code would need its compiler's version."""
    file = descriptor_pb2.FileDescriptorProto(
        name="perf_core/prometheus.proto", package=_PACKAGE, syntax="proto3"
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind, repeated in fields:
            added = message.field.add(name=field_name, number=number)
            added.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            if isinstance(kind, str):
                added.type, added.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.WriteRequest"))


def read_message(body: bytes) -> Iterator[Sent]:
    """Yield what a message says.

    Raises:
        ValueError: The body is no message of remote write.
    """
    try:
        request = message_class().FromString(bytes(cramjam.snappy.decompress_raw(body)))
    except (cramjam.DecompressionError, DecodeError) as error:
        raise ValueError(
            f"expected a message of Prometheus remote write, got {len(body)} bytes: {error}"
        ) from error
    for series in request.timeseries:
        key = tuple((label.name, label.value) for label in series.labels)
        name = dict(key).get(NAME_LABEL, "")
        if series.histograms:
            histogram = series.histograms[-1]
            yield Sent(name, key, float(histogram.count_int), _buckets(histogram))
        elif series.samples:
            yield Sent(name, key, series.samples[-1].value)


def _buckets(histogram: Any) -> Buckets:
    counts: dict[int, int] = {}
    # Each count is the difference to the one before, and each span begins after a gap.
    values = itertools.accumulate(histogram.positive_deltas)
    index = 0
    for span in histogram.positive_spans:
        index += span.offset
        for value in itertools.islice(values, span.length):
            counts[index] = value
            index += 1
    return Buckets(histogram.schema, histogram.zero_count_int, histogram.sum, counts)


def added(before: Buckets | None, after: Buckets) -> Buckets:
    """Return what was added to a histogram between two messages."""
    if before is None:
        return after
    counts = {
        index: count - before.counts.get(index, 0)
        for index, count in after.counts.items()
        if count != before.counts.get(index, 0)
    }
    return Buckets(after.schema, after.zeros - before.zeros, after.total - before.total, counts)


def together(first: Buckets, second: Buckets) -> Buckets:
    """Return the histogram of the values of two with the same schema."""
    counts = dict(first.counts)
    for index, count in second.counts.items():
        counts[index] = counts.get(index, 0) + count
    return Buckets(first.schema, first.zeros + second.zeros, first.total + second.total, counts)


def quantile(buckets: Buckets, share: float) -> float:
    """Return the value below which a share of the values lies, exact to half a bucket; 0 without values.

    k6's buckets are 9 % wide, so that it is exact to 4.5 %.

    >>> round(quantile(Buckets(3, counts={40: 10}), 0.5), 1)
    30.6
    """
    if buckets.zeros + sum(buckets.counts.values()) == 0:
        return 0.0
    rank = share * (buckets.zeros + sum(buckets.counts.values()))
    below = float(buckets.zeros)
    if buckets.zeros and rank <= below:
        return 0.0
    used = sorted((index, count) for index, count in buckets.counts.items() if count > 0)
    for index, count in used:
        below += count
        if rank <= below:
            return _middle(buckets.schema, index)
    return _middle(buckets.schema, used[-1][0]) if used else 0.0


def _middle(schema: int, index: int) -> float:
    return float(2.0 ** ((index - 0.5) * 2.0**-schema))
