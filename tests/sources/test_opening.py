"""Whatever a user gives, the logs in it are found, in reading order, and what is left out is said."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
import zlib
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import rabbitlogs
from rabbitlogs.report.text import write_text
from rabbitlogs.sources import Limits, Source, Sources, Text, open_sources

BARE = (Path(__file__).parent / "data" / "bare.log").read_bytes()

# Log text that does not compress to nothing.
LONG = b"".join(
    b"2026-11-23 07:46:48.%06d+00:00 [info] <0.%d.0> accepting AMQP connection %08x\n" % (n % 1000000, n, zlib.crc32(b"%d" % n))
    for n in range(20000)
)

PACK = {
    "gz": gzip.compress,
    "xz": lzma.compress,
    "bz2": lambda data: bz2.compress(data, 1),
    "zst": zstandard.ZstdCompressor().compress,
}


def content(source: Source) -> bytes:
    return b"".join(source.blocks())


def names(found: Sources) -> list[str]:
    return [source.name for source in found]


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def tar_of(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


# ---------------------------------------------------------------------------------------------------- one file


def test_a_plain_file_can_be_mapped(tmp_path: Path) -> None:
    path = write(tmp_path / "rabbit@a.log", LONG)
    found = open_sources([path])
    assert found.problems == []
    (source,) = found
    assert (source.name, source.path, source.size) == (str(path), str(path), len(LONG))
    assert content(source) == LONG == content(source)
    assert {len(block) for block in list(source.blocks(4096))[:-1]} == {4096}


@pytest.mark.parametrize("kind", PACK)
def test_packed_files_are_known_by_content_not_by_name(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "rabbit@a.log", PACK[kind](LONG))
    (source,) = open_sources([str(path)])
    assert (source.path, source.size, source.notes) == (None, None, [])
    assert content(source) == LONG
    assert content(source) == LONG
    assert {len(block) for block in list(source.blocks(1000))[:-1]} == {1000}


@pytest.mark.parametrize("kind", PACK)
def test_packed_pieces_joined_are_one_log(tmp_path: Path, kind: str) -> None:
    data = PACK[kind](LONG) + PACK[kind](BARE)
    assert content(open_sources([write(tmp_path / "a.log", data)]).sources[0]) == LONG + BARE


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("share", [0.3, 0.9, 0.999])
def test_what_stands_before_a_cut_is_read(tmp_path: Path, kind: str, share: float) -> None:
    packed = PACK[kind](LONG)
    (source,) = open_sources([write(tmp_path / "a.log", packed[: int(len(packed) * share)])])
    data = content(source)
    assert LONG.startswith(data)
    # bzip2 and zstd unpack block by block, so up to one block is lost.
    assert len(data) > len(LONG) * share - 140_000
    assert source.notes == [
        f"the {({'gz': 'gzip', 'bz2': 'bzip2', 'zst': 'zstd'}).get(kind, kind)} data ended early: the file is cut off"
    ]


def test_what_stands_before_damage_is_read_to_the_last_byte(tmp_path: Path) -> None:
    packed = bytearray(zlib.compress(LONG, wbits=31))
    at = len(packed) // 2
    packed[at : at + 8] = b"\xff" * 8
    intact = zlib.decompressobj(31).decompress(bytes(packed[:at]))
    (source,) = open_sources([write(tmp_path / "a.log.gz", bytes(packed))])
    data = content(source)
    assert data[: len(intact)] == intact == LONG[: len(intact)]
    assert len(source.notes) == 1
    assert "damaged" in source.notes[0]


def test_a_wrong_check_sum_costs_no_data(tmp_path: Path) -> None:
    packed = gzip.compress(LONG)
    (source,) = open_sources([write(tmp_path / "a.log.gz", packed[:-8] + b"\x00" * 8)])
    assert content(source) == LONG
    assert "damaged" in source.notes[0]


@pytest.mark.parametrize("kind", PACK)
def test_nothing_but_a_magic_number_is_a_problem(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "a.log", PACK[kind](LONG)[:12])
    found = open_sources([path])
    assert found.sources == []
    assert [(problem.name, problem.kind) for problem in found.problems] == [(str(path), "damaged")]


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be", "utf-16-be with mark"])
def test_utf_16_comes_as_utf_8(tmp_path: Path, codec: str) -> None:
    text = BARE.decode() + "net tick — missed 🐇\n"
    data = ("\ufeff" + text).encode("utf-16-be") if "mark" in codec else text.encode(codec)
    plain, packed = open_sources([write(tmp_path / "a.log", data), write(tmp_path / "b.log", gzip.compress(data))])
    assert content(plain) == content(packed) == text.encode()
    assert b"".join(plain.blocks(7)) == text.encode()
    assert plain.path is None


def test_a_utf_8_mark_stays(tmp_path: Path) -> None:
    data = b"\xef\xbb\xbf" + BARE
    assert content(open_sources([write(tmp_path / "a.log", data)]).sources[0]) == data


def test_zeros_in_front_of_a_log_are_no_binary_file(tmp_path: Path) -> None:
    """copytruncate leaves them when the writer keeps its offset."""
    data = b"\x00" * 200_000 + BARE
    assert content(open_sources([write(tmp_path / "a.log", data)]).sources[0]) == data


# ---------------------------------------------------------------------------------------------------- problems


def test_each_problem_is_one_sentence_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    write(tmp_path / "configs" / "rabbitmq.conf", b"listeners.tcp.default = 5672\n")
    given = {
        "gone.log": "missing",
        "empty.log": "empty",
        "image.log": "binary",
        "noise.log": "binary",
        "zeros.log": "binary",
        "other.7z": "binary",
        "nothing": "no_logs",
        "configs": "no_logs",
        "configs.tar": "no_logs",
    }
    write(tmp_path / "empty.log", b"")
    write(tmp_path / "image.log", b"\x89PNG\r\n\x1a\n" + b"\x00" * 50)
    write(tmp_path / "noise.log", bytes(range(256)) * 64)
    write(tmp_path / "zeros.log", bytes(5000))
    write(tmp_path / "other.7z", b"7z\xbc\xaf\x27\x1c" + b"\x00" * 50)
    write(tmp_path / "configs.tar", tar_of({"rabbitmq.conf": b"a = b\n"}))
    found = open_sources([tmp_path / name for name in given])
    assert found.sources == []
    assert [(Path(problem.name).name, problem.kind) for problem in found.problems] == list(given.items())
    for problem in found.problems:
        assert problem.name in problem.sentence
        assert problem.sentence.endswith(".")
        assert "\n" not in problem.sentence


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path / "rabbit@a.log", BARE)
    path.chmod(0)
    found = open_sources([tmp_path])
    assert [problem.kind for problem in found.problems] == ["unreadable"]


def test_a_file_that_cannot_be_opened_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named, and in a folder where its name says it is a log; another file of a folder is only left out."""
    path = write(tmp_path / "rabbit@a.log", BARE)
    secret = write(tmp_path / "secret.key", b"x")
    real = open

    def refuse(file: object, *args: object, **kwargs: object) -> object:
        if file in (str(path), str(secret)):
            raise PermissionError(13, "Permission denied")
        return real(file, *args, **kwargs)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", refuse)
    found = open_sources([tmp_path])
    assert [(problem.kind, problem.name) for problem in found.problems] == [("unreadable", str(path))]
    assert "permission denied" in found.problems[0].sentence
    assert found.skipped == [(str(secret), "not readable")]


def test_log_text_given_as_a_path_is_recognised() -> None:
    (problem,) = open_sources([BARE.decode()]).problems
    assert problem.kind == "missing"
    assert "Text" in problem.sentence


def test_other_things_are_the_callers_fault() -> None:
    with pytest.raises(TypeError, match="int"):
        open_sources([5])  # type: ignore[list-item]


# ---------------------------------------------------------------------------------------------------- content and pipes


def test_content_in_memory() -> None:
    found = open_sources([BARE, Text("pasted"), Text("again"), Text("named", "issue 5"), gzip.compress(LONG)])
    assert names(found) == ["bytes", "text", "text (2)", "issue 5", "bytes (2)"]
    assert [content(source) for source in found] == [BARE, b"pasted", b"again", b"named", LONG]
    assert [content(source) for source in found] == [BARE, b"pasted", b"again", b"named", LONG]


def test_file_objects_are_read_from_where_they_stand() -> None:
    stream = io.BytesIO(b"skipped\n" + LONG)
    stream.seek(8)
    found = open_sources([stream, io.StringIO(BARE.decode())])
    assert names(found) == ["stream", "stream (2)"]
    assert stream.tell() == 8
    assert [content(source) for source in found] == [LONG, BARE]
    assert [content(source) for source in found] == [LONG, BARE]


def test_a_closed_file_object_is_no_exception() -> None:
    stream = io.BytesIO(BARE)
    stream.close()
    assert open_sources([stream]).problems[0].kind == "unreadable"


class Pipe(io.RawIOBase):
    """A pipe that hands out what was written to it, write by write."""

    def __init__(self, *writes: bytes) -> None:
        self.writes = list(writes)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self.writes:
            return b""
        first = self.writes.pop(0)
        if 0 <= size < len(first):
            self.writes.insert(0, first[size:])
        return first[:size]


def test_a_pipe_is_passed_on_as_it_comes_and_read_once() -> None:
    pipe = Pipe(b"2026-11", b"-23 first\n", b"second\n", b"third\n")
    (source,) = open_sources([pipe])
    assert len(pipe.writes) == 2, "no more was read than needed to know what it is"
    assert source.is_live
    assert list(source.blocks()) == [b"2026-11", b"-23 first\n", b"second\n", b"third\n"]
    assert list(source.blocks()) == []
    assert source.notes == ["can be read only once, and was"]


@pytest.mark.parametrize("kind", PACK)
def test_a_pipe_may_be_packed(kind: str) -> None:
    packed = PACK[kind](LONG)
    (source,) = open_sources([Pipe(*(packed[at : at + 1000] for at in range(0, len(packed), 1000)))])
    assert content(source) == LONG


@pytest.mark.parametrize("make", [lambda files: tar_of(files, "w:gz"), tar_of, zip_of])
def test_a_pipe_may_be_an_archive(make: object) -> None:
    packed = make({"a/rabbit@a.log": LONG, "b/rabbit@b.log": BARE})  # type: ignore[operator]
    found = open_sources([Pipe(*(packed[at : at + 1000] for at in range(0, len(packed), 1000)))])
    assert names(found) == ["stream!a/rabbit@a.log", "stream!b/rabbit@b.log"]
    assert [content(source) for source in found] == [LONG, BARE] == [content(source) for source in found]


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(BARE)))
    found = open_sources(["-", "-"])
    assert names(found) == ["-"]
    assert found.skipped == [("-", "standard input was given twice")]
    assert content(found.sources[0]) == BARE


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_is_a_stream(tmp_path: Path) -> None:
    """As in ``explain <(zcat old.log.gz)``."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_bytes, args=(LONG,))
    writer.start()
    found = open_sources([path])
    assert content(found.sources[0]) == LONG
    writer.join(timeout=10)


# ---------------------------------------------------------------------------------------------------- folders, order


def test_rotated_parts_come_oldest_first_whatever_the_order_given(tmp_path: Path) -> None:
    order = [
        "rabbit@a.log-20231231.gz",
        "rabbit@a.log-20240101",
        "rabbit@a.log.10",
        "rabbit@a.log.2.gz",
        "rabbit@a.log.1",
        "rabbit@a.log.0",
        "rabbit@a.log",
    ]
    paths = [
        write(tmp_path / name, gzip.compress(BARE + name.encode()) if name.endswith("gz") else BARE + name.encode())
        for name in order
    ]
    other = write(tmp_path / "aaa.log", BARE)
    found = open_sources([paths[6], other, *paths[:6]])
    assert names(found) == [*map(str, paths), str(other)]
    assert {source.group for source in found.sources[:7]} == {str(tmp_path / "rabbit@a.log")}
    assert found.sources[7].group == str(other)


def test_a_folder_gives_the_logs_of_each_node(tmp_path: Path) -> None:
    for node in ("node10", "node2"):
        write(tmp_path / node / "rabbit@x.log", BARE)
        write(tmp_path / node / "rabbit@x.log.1.gz", gzip.compress(LONG))
    write(tmp_path / "rabbitmq.conf", b"log.file.level = debug\n")
    write(tmp_path / "definitions.json", b'{"users": []}\n')
    write(tmp_path / "case.json", b'{\n "evidence": [\n  "' + BARE[:100] + b'"\n ]\n}\n')
    write(tmp_path / "ca.pem", b"-----BEGIN CERTIFICATE-----\n")
    write(tmp_path / "shot.png", b"\x89PNG\r\n\x1a\n")
    write(tmp_path / "erl_crash.dump", b"=erl_crash_dump:0.5\n<0.1.0>\n")
    write(tmp_path / "nginx.log", b"GET / 200\n")
    write(tmp_path / "rabbit@empty.log", b"")
    write(tmp_path / ".git" / "rabbit@hidden.log", BARE)
    write(tmp_path / "console", b"BOOT FAILED\nerror in rabbit\n")
    write(tmp_path / "pasted.txt", BARE)
    found = open_sources([tmp_path])
    relative = [os.path.relpath(name, tmp_path).replace(os.sep, "/") for name in names(found)]
    assert relative == [
        "console",
        "node2/rabbit@x.log.1.gz",
        "node2/rabbit@x.log",
        "node10/rabbit@x.log.1.gz",
        "node10/rabbit@x.log",
        "pasted.txt",
    ]
    assert {os.path.basename(name): reason for name, reason in found.skipped} == {
        "rabbitmq.conf": "a configuration file",
        "definitions.json": "data, not a log",
        "case.json": "data, not a log",
        "ca.pem": "a certificate or key",
        "shot.png": "an image; a log has to be text",
        "erl_crash.dump": "an Erlang crash dump, not a log",
        "nginx.log": "no lines of a RabbitMQ log at its beginning",
        "rabbit@empty.log": "empty",
    }
    assert found.problems == []
    assert len({source.group for source in found}) == 4


def test_a_wrapped_log_in_a_folder_is_found(tmp_path: Path) -> None:
    line = BARE.split(b"\n")[0]
    write(tmp_path / "3f2a-json.txt", b'{"log":"%b\\n","stream":"stdout","time":"2026-11-23T08:00:00Z"}\n' % line)
    assert len(open_sources([tmp_path])) == 1


def test_one_file_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path / "rabbit@a.log", BARE)
    os.link(path, tmp_path / "link.log")
    found = open_sources([path, tmp_path, path])
    assert names(found) == [str(path)]
    assert {reason for _, reason in found.skipped} == {f"the same file as {path}"}


@pytest.mark.parametrize(
    "name",
    [
        "rabbit@a.log.1",
        "rabbit@a.log-20240101",
        "rabbit@a.log-20240101-1704067200",
        "rabbit@a.log.2024-01-01.gz",
        "rabbit@a-20240101.log",
    ],
)
def test_rotated_names_belong_to_their_log(tmp_path: Path, name: str) -> None:
    (source,) = open_sources([write(tmp_path / name, BARE)])
    assert source.group == str(tmp_path / "rabbit@a.log")


def test_node_names_are_not_taken_for_dates_or_numbers(tmp_path: Path) -> None:
    for name in ("rabbit@10.0.0.1.log", "rabbit@mq-2024.log", "rabbit@ip-10-0-0-1.log"):
        (source,) = open_sources([write(tmp_path / name, BARE)])
        assert source.group == source.name


# ---------------------------------------------------------------------------------------------------- archives

MEMBERS = {
    "bundle/node1/rabbit@a.log": LONG,
    "bundle/node1/rabbit@a.log.1.gz": gzip.compress(BARE),
    "bundle/" + "deep/" * 40 + "rabbit@b.log": BARE,
    "bundle/rabbitmq.conf": b"a = b\n",
}
ARCHIVES = {
    "tar": tar_of(MEMBERS),
    "tar.gz": tar_of(MEMBERS, "w:gz"),
    "tar.xz": tar_of(MEMBERS, "w:xz"),
    "tar.bz2": tar_of(MEMBERS, "w:bz2"),
    "tar.zst": zstandard.ZstdCompressor().compress(tar_of(MEMBERS)),
    "zip": zip_of(MEMBERS),
    "stored.zip": zip_of(MEMBERS, zipfile.ZIP_STORED),
    "tar.gz in zip": zip_of({"inner.tar.gz": tar_of(MEMBERS, "w:gz")}),
    "zip in tar": tar_of({"inner.zip": zip_of(MEMBERS)}),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_an_archive_gives_its_logs(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "data", ARCHIVES[kind])
    found = open_sources([path])
    assert found.problems == []
    inner = f"{path}!" + {"tar.gz in zip": "inner.tar.gz!", "zip in tar": "inner.zip!"}.get(kind, "")
    assert names(found) == [
        f"{inner}bundle/{'deep/' * 40}rabbit@b.log",
        f"{inner}bundle/node1/rabbit@a.log.1.gz",
        f"{inner}bundle/node1/rabbit@a.log",
    ]
    assert [content(source) for source in found] == [BARE, BARE, LONG] == [content(source) for source in found]
    assert [source.notes for source in found] == [[], [], []]
    assert found.sources[1].group == found.sources[2].group == f"{inner}bundle/node1/rabbit@a.log"
    assert found.skipped == [(f"{inner}bundle/rabbitmq.conf", "a configuration file")]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip", "stored.zip"])
def test_a_cut_archive_gives_what_it_has(tmp_path: Path, kind: str) -> None:
    path = write(tmp_path / "data", ARCHIVES[kind][: int(len(ARCHIVES[kind]) * 0.6)])
    found = open_sources([path])
    (source,) = found
    data = content(source)
    assert LONG.startswith(data)
    assert len(data) > 100_000
    assert found.problems
    assert all(problem.name == str(path) and problem.kind == "damaged" for problem in found.problems)


def test_a_zip_without_its_directory_is_read_front_to_back(tmp_path: Path) -> None:
    whole = ARCHIVES["zip"]
    found = open_sources([write(tmp_path / "data.zip", whole[: whole.index(b"PK\x01\x02")])])
    assert sorted(content(source) for source in found) == sorted([BARE, BARE, LONG])


def test_an_encrypted_member_is_said_to_be(tmp_path: Path) -> None:
    data = bytearray(zip_of({"rabbit@a.log": BARE}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    found = open_sources([write(tmp_path / "a.zip", bytes(data))])
    assert found.sources == []
    assert "encrypted" in found.problems[0].sentence


# ---------------------------------------------------------------------------------------------------- limits


def test_a_bomb_is_stopped(tmp_path: Path) -> None:
    bomb = gzip.compress(BARE + b"x" * 3_000_000)
    limits = Limits(max_ratio=100, ratio_from=1 << 20)
    (source,) = open_sources([write(tmp_path / "a.gz", bomb)], limits)
    data = content(source)
    assert data.startswith(BARE)
    assert len(data) <= 2 << 20
    assert "limit of 100 to 1" in source.notes[0]
    (source,) = open_sources([tmp_path / "a.gz"], Limits(max_bytes_total=1_500_000))
    assert len(content(source)) <= 1_500_000
    assert "the limit is 1500000" in source.notes[0]


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("what", ["file", "tar", "zip"])
def test_bombs_of_each_kind_say_their_limit(tmp_path: Path, kind: str, what: str) -> None:
    """What stands at a bomb's beginning is read, and the report says which limit ended it."""
    data = BARE + b"x" * 20_000_000
    if what == "file":
        bomb = PACK[kind](data)
    elif what == "tar":
        bomb = PACK[kind](tar_of({"rabbit@a.log": data}))
    else:
        bomb = zip_of({f"rabbit@a.log.{kind}": PACK[kind](data)}, zipfile.ZIP_STORED)
    limits = Limits(max_ratio=100, ratio_from=1 << 20)
    report = rabbitlogs.explain(write(tmp_path / "given", bomb), limits=limits)
    assert report.totals["bytes"] < 20_000_000
    assert report.sources[0]["first"]
    assert any("limit of 100 to 1" in problem for problem in report.problems), report.problems


def test_a_zip_bomb_says_its_limit(tmp_path: Path) -> None:
    """Also where the archive itself does the packing."""
    bomb = zip_of({"rabbit@a.log": BARE + b"x" * 20_000_000})
    report = rabbitlogs.explain(write(tmp_path / "a.zip", bomb), limits=Limits(max_ratio=100, ratio_from=1 << 20))
    assert report.totals["bytes"] < 20_000_000
    assert any("limit of 100 to 1" in problem for problem in report.problems), report.problems


def test_nesting_has_an_end(tmp_path: Path) -> None:
    data = BARE
    for _ in range(10):
        data = gzip.compress(data)
    found = open_sources([write(tmp_path / "a.gz", data)])
    assert found.sources == []
    assert [problem.kind for problem in found.problems] == ["limit"]


def test_too_many_files_are_said(tmp_path: Path) -> None:
    files = {f"rabbit@{n}.log": BARE for n in range(9)}
    for name, data in files.items():
        write(tmp_path / "folder" / name, data)
    archive = write(tmp_path / "a.tar", tar_of(files))
    found = open_sources([tmp_path / "folder", archive], Limits(max_members=4))
    assert len(found) == 8
    assert [problem.kind for problem in found.problems] == ["limit", "limit"]


# ---------------------------------------------------------------------------------------------------- laws


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_can_be_opened(data: bytes) -> None:
    found = open_sources([data])
    assert len(found.sources) + len(found.problems) >= 1
    for source in found:
        if source.size is not None:
            assert content(source) == data


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*sorted(ARCHIVES), *PACK]),
    st.integers(0, 10_000),
    st.binary(min_size=1, max_size=30),
    st.booleans(),
)
def test_damage_never_raises(kind: str, permille: int, patch: bytes, cut: bool) -> None:
    whole = SMALL[kind]
    at = len(whole) * permille // 10_000
    data = whole[:at] if cut else whole[:at] + patch + whole[at + len(patch) :]
    for source in open_sources([data]):
        content(source)


FEW = {"a/rabbit@a.log": BARE * 3, "a/rabbit@a.log.1.gz": gzip.compress(BARE), "b.conf": b"a = b\n"}
SMALL = {
    **{kind: pack(BARE * 5) for kind, pack in PACK.items()},
    "tar": tar_of(FEW),
    "tar.gz": tar_of(FEW, "w:gz"),
    "tar.xz": tar_of(FEW, "w:xz"),
    "tar.bz2": tar_of(FEW, "w:bz2"),
    "tar.zst": zstandard.ZstdCompressor().compress(tar_of(FEW)),
    "zip": zip_of(FEW),
    "stored.zip": zip_of(FEW, zipfile.ZIP_STORED),
    "tar.gz in zip": zip_of({"inner.tar.gz": tar_of(FEW, "w:gz")}),
    "zip in tar": tar_of({"inner.zip": zip_of(FEW)}),
}


def test_importing_loads_nothing_that_is_not_needed() -> None:
    code = "import sys; import rabbitlogs.sources; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"gzip", "bz2", "lzma", "zipfile", "tarfile", "zstandard", "tempfile", "pathlib", "json", "rich", "lark"}
    assert heavy.isdisjoint(loaded)
    assert "rabbitlogs.sources.envelopes" not in loaded


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_log_is_named_with_its_reason(tmp_path: Path, packed: bool) -> None:
    """A support bundle holds other files too; the report names each, and rotated parts in the order they were read."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    line = b"2026-11-23 07:46:48.%06d+00:00 [info] <0.223.0> Server startup complete; 3 plugins started.\n"
    (bundle / "rabbit@a.log").write_bytes(line % 4)
    (bundle / "rabbit@a.log.1").write_bytes(line % 3)
    (bundle / "rabbit@a.log.2.gz").write_bytes(gzip.compress(line % 2))
    (bundle / "rabbit@a.log-20240101.gz").write_bytes(gzip.compress(line % 1))
    (bundle / "rabbit@b.log").write_bytes(line % 5)
    (bundle / "rabbitmq.conf").write_text("listeners.tcp.default = 5672\n", "utf-8")
    (bundle / "core").write_bytes(b"\x7fELF\0\0\0")
    given = bundle
    if packed:
        given = tmp_path / "bundle.tar.xz"
        with tarfile.open(given, "w:xz") as archive:
            archive.add(bundle, "bundle")
    report = rabbitlogs.explain(given)
    names = [row["name"].rpartition("/")[2] for row in report.sources]
    assert names == ["rabbit@a.log-20240101.gz", "rabbit@a.log.2.gz", "rabbit@a.log.1", "rabbit@a.log", "rabbit@b.log"]
    reasons = {row["name"].rpartition("/")[2]: row["reason"] for row in report.to_dict()["ignored"]}
    assert reasons.keys() == {"rabbitmq.conf", "core"}
    assert reasons["rabbitmq.conf"] == "a configuration file"
    out = io.StringIO()
    write_text(report, out)
    assert "2 other files not read: " in out.getvalue()
    write_text(report, out, everything=True)
    assert "rabbitmq.conf: a configuration file" in " ".join(out.getvalue().split())
    assert [row for row in out.getvalue().split("\n") if len(row) > 80 and " " in row.strip()] == []
