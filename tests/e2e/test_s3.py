"""common/s3 against a real MinIO with strict signatures, on good and on bad networks."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.fault_proxy import fault_proxy
from support.minio_server import ACCESS_KEY, SECRET_KEY, MinioServer, minio_server
from support.tools import ROOT

MIB = 1 << 20
PART = 5 * MIB  # the smallest that S3 allows


def shell_program() -> Path:
    folder = Path(os.environ.get("TIPHYS_BUILD", ROOT / "build" / "dev" / "bin")).parent
    return next(folder.rglob("s3_shell"))


class S3:
    """The program s3_shell on one bucket; keyword arguments override its environment."""

    def __init__(self, endpoint: str, bucket: str, **env: str) -> None:
        self.env = {
            **os.environ,
            "S3_ENDPOINT": endpoint,
            "S3_BUCKET": bucket,
            "S3_INSECURE": "1",
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
            **env,
        }

    def run(self, *words: str | Path, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [shell_program(), *words], capture_output=True, text=True, env={**self.env, **env}
        )

    def __call__(self, *words: str | Path, **env: str) -> list[str]:
        done = self.run(*words, **env)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def refused(self, *words: str | Path, **env: str) -> str:
        done = self.run(*words, **env)
        assert done.returncode == 1, done.stdout
        return done.stderr


@pytest.fixture
def s3(minio: MinioServer, bucket: str) -> S3:
    return S3(minio.endpoint, bucket)


def noise(path: Path, size: int) -> Path:
    path.write_bytes(os.urandom(size))
    return path


def test_an_object_is_stored_found_listed_read_and_deleted(s3: S3, tmp_path: Path) -> None:
    a = noise(tmp_path / "a", 100_000)
    for key in ("x/one", "x/ä b+c&d=e%20'\"~", "x/sub/three", "y"):
        s3("put", key, a)
    assert s3("stat", "x/one") == ["x/one 100000"]
    assert s3("list", "x/") == [
        "x/one 100000",
        "x/sub/three 100000",
        "x/ä b+c&d=e%20'\"~ 100000",
    ]
    assert s3("list", "x/", "/") == ["x/one 100000", "x/sub/ 0", "x/ä b+c&d=e%20'\"~ 100000"]
    s3("get", "x/ä b+c&d=e%20'\"~", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == a.read_bytes()
    s3("delete", "x/one")
    s3("delete", "x/one")  # absent is fine
    assert "NOT_FOUND" in s3.refused("stat", "x/one")
    assert "there is no object with this key" in s3.refused("get", "x/one", tmp_path / "c")


def test_an_empty_object_is_an_object(s3: S3, tmp_path: Path) -> None:
    s3("put", "empty", noise(tmp_path / "a", 0))
    s3("get", "empty", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == b""


def test_a_list_longer_than_a_page_is_complete(
    s3: S3, minio: MinioServer, bucket: str, tmp_path: Path
) -> None:
    a = noise(tmp_path / "a", 10)
    s3("put", "p/0000", a)
    first = minio.objects / bucket / "p" / "0000"
    for i in range(1, 1101):  # copies on the server's disk: 1,100 requests would take a while
        copy = minio.objects / bucket / "p" / f"{i:04}"
        copy.mkdir()
        (copy / "xl.meta").write_bytes((first / "xl.meta").read_bytes())
    assert s3("list", "p/") == [f"p/{i:04} 10" for i in range(1101)]


def test_a_large_object_goes_in_parts_and_comes_back_the_same(
    s3: S3, minio: MinioServer, bucket: str, tmp_path: Path
) -> None:
    a = noise(tmp_path / "a", 2 * PART + 12345)
    s3("put", "large", a, S3_PART_BYTES=str(PART))
    assert s3("stat", "large") == [f"large {2 * PART + 12345}"]
    s3("get", "large", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == a.read_bytes()
    assert not minio.uploads()


def test_an_upload_that_was_cut_off_goes_on_with_the_parts_that_are_there(
    minio: MinioServer, bucket: str, tmp_path: Path
) -> None:
    a = noise(tmp_path / "a", 3 * PART)
    with fault_proxy(minio.port) as proxy:
        s3 = S3(f"127.0.0.1:{proxy.port}", bucket)
        nothing = 12 * [10]  # bytes that further attempts get through
        proxy.cuts = [PART + PART // 2, *nothing]  # the first part passes, the second never does
        assert "part 2 of 3" in s3.refused("put", "large", a, S3_PART_BYTES=str(PART))
        assert len(minio.uploads()) == 1
        proxy.cuts = [2 * PART + PART // 2, *nothing]  # two more parts pass, a third would not
        s3("put", "large", a, S3_PART_BYTES=str(PART))
        s3("get", "large", tmp_path / "b", S3_ENDPOINT=minio.endpoint)
    assert (tmp_path / "b").read_bytes() == a.read_bytes()
    assert not minio.uploads()


def test_a_download_goes_on_where_it_was_cut_off(
    minio: MinioServer, bucket: str, tmp_path: Path
) -> None:
    a = noise(tmp_path / "a", 3 * MIB)
    S3(minio.endpoint, bucket)("put", "k", a)
    with fault_proxy(minio.port) as proxy:
        proxy.cut_after = MIB
        S3(f"127.0.0.1:{proxy.port}", bucket)("get", "k", tmp_path / "b")
        assert proxy.accepted >= 3
    assert (tmp_path / "b").read_bytes() == a.read_bytes()


@pytest.mark.parametrize(
    "env, code, words",
    [
        ({"S3_SECRET_KEY": "wrong-key-1"}, "DENIED", "the secret key is wrong"),
        ({"S3_ACCESS_KEY": "nobody"}, "DENIED", "the access key is unknown there"),
        ({"S3_BUCKET": "no-such-bucket"}, "NOT_FOUND", "the bucket does not exist"),
        ({"S3_ENDPOINT": "http://x/"}, "INVALID", "host:port and a plain name are expected"),
        ({"S3_BUCKET": ""}, "INVALID", "s3.bucket"),
    ],
)
def test_what_is_wrong_is_named(
    s3: S3, tmp_path: Path, env: Mapping[str, str], code: str, words: str
) -> None:
    said = s3.refused("put", "k", noise(tmp_path / "a", 10), **env)
    assert said.startswith(code) and words in said, said
    assert SECRET_KEY not in said and "wrong-key-1" not in said


def test_nobody_there_is_said_after_some_attempts(s3: S3, tmp_path: Path) -> None:
    with fault_proxy(1) as proxy:
        proxy.refuse()
        said = s3.refused("stat", "k", S3_ENDPOINT=f"127.0.0.1:{proxy.port}")
    assert said.startswith("UNAVAILABLE") and f"127.0.0.1:{proxy.port}" in said


def test_a_bucket_is_made_once(s3: S3, minio: MinioServer) -> None:
    name = f"made-{os.getpid()}"
    s3("mb", S3_BUCKET=name)
    s3("mb", S3_BUCKET=name)
    assert (minio.objects / name).is_dir()


def test_tls_is_checked_against_the_given_authority(tmp_path: Path) -> None:
    with minio_server(tls=True, region="eu-central-1") as server:
        server.make_bucket("bucket")
        assert server.tls
        s3 = S3(server.endpoint, "bucket", S3_REGION="eu-central-1", S3_CA=str(server.tls.ca))
        del s3.env["S3_INSECURE"]
        s3("put", "k", noise(tmp_path / "a", 1000))
        own = {"S3_CUSTOMER_KEY": "0123456789abcdef0123456789abcdef", "S3_PART_BYTES": str(PART)}
        large = noise(tmp_path / "large", PART + 1000)
        for key, file in (("own", tmp_path / "a"), ("own-large", large)):
            s3("put", key, file, **own)
            s3("get", key, tmp_path / "back", **own)
            assert (tmp_path / "back").read_bytes() == file.read_bytes()
            assert "HTTP 400" in s3.refused("get", key, tmp_path / "back")  # not without the key
        assert "must have 32 bytes" in s3.refused("stat", "own", S3_CUSTOMER_KEY="short")
        assert "UNAVAILABLE" in s3.refused("stat", "k", S3_CA=str(server.tls.other_ca))
        said = s3.refused("put", "k", tmp_path / "a", S3_REGION="us-west-2")
        assert "the bucket is in region eu-central-1" in said, said
