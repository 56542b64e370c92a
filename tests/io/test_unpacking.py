"""Small files that would fill the memory are refused, whatever they are packed by."""

from __future__ import annotations

import gzip
import io
import zipfile

import numpy as np
import pytest

from tfloss.data import load_dataset
from tfloss.errors import DataError, UsageError
from tfloss.io import unpacking
from tfloss.io.archive_check import check_archive, check_keras_file
from tfloss.io.checked_npz import read_checked, write_checked
from tfloss.training.checkpoints.newest import read_newest


@pytest.fixture
def small(monkeypatch):
    """As if a file of 100 kB were one of a GiB."""
    monkeypatch.setattr(unpacking, "MOST_BYTES", 100_000)


def bomb(path, member="weights.npy"):
    """An archive whose directory says that a member unpacks to 8 TiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(member, b"0" * 1000)
        file.filelist[0].file_size = 8 << 40


def array_that_says(shape, dtype="<f4", holds=100):
    content = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(content, header)
    return content.getvalue() + b"\0" * holds


def archive(path, **members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)


def test_a_checkpoint_is_refused_and_the_one_before_it_taken(tmp_path):
    write_checked(tmp_path / "step-1.npz", {"w": np.ones(3)}, {"epoch": 1})
    bomb(tmp_path / "step-2.npz")
    with pytest.raises(DataError, match=r"step-2.npz' would unpack from .* to 8,796,093,022,208"):
        read_checked(tmp_path / "step-2.npz")
    files = [tmp_path / "step-1.npz", tmp_path / "step-2.npz"]
    with pytest.warns(UserWarning, match="would unpack"):
        arrays, about = read_newest(files, tmp_path)
    assert about == {"epoch": 1}
    np.testing.assert_array_equal(arrays["w"], np.ones(3))


@pytest.mark.parametrize(
    ("shape", "dtype"), [((1 << 40,), "<f4"), ((1 << 20, 1 << 20), "|u1"), ((9,), "<U400000000")]
)
def test_an_array_that_says_more_than_it_holds(shape, dtype, tmp_path):
    archive(tmp_path / "a.npz", **{"w.npy": array_that_says(shape, dtype)})
    with pytest.raises(UsageError, match=r"'w.npy' that is said to hold [\d,]+ bytes, and has"):
        check_archive(tmp_path / "a.npz")
    with pytest.raises(DataError, match="is said to hold"):
        read_checked(tmp_path / "a.npz")


def test_honest_arrays_pass(tmp_path):
    values = {"a": np.zeros((0, 3)), "b": np.array("text"), "c": np.arange(6.0).reshape(2, 3)}
    np.savez_compressed(tmp_path / "a.npz", **values)
    check_archive(tmp_path / "a.npz")


@pytest.mark.parametrize("name", ["about", "0:train:prediction", "state:0", "a/b"])
def test_names_of_a_checkpoints_arrays(name, tmp_path):
    write_checked(tmp_path / "start.npz", {name: np.ones(3)}, {})
    assert list(read_checked(tmp_path / "start.npz")[0]) == [name]


@pytest.mark.parametrize("name", ["C:evil.npy", "c:/evil.npy", "..\\evil.npy", "/evil.npy"])
def test_names_that_lead_out(name, tmp_path):
    archive(tmp_path / "a.npz", **{name: b""})
    with pytest.raises(UsageError, match="leads out of the archive"):
        check_archive(tmp_path / "a.npz")


def test_an_archive_in_an_archive(tmp_path, small):
    inner = io.BytesIO()
    np.savez_compressed(inner, zeros=np.zeros(10**6, np.uint8))
    archive(tmp_path / "a.skops", **{"rows.npz": inner.getvalue()})
    with pytest.raises(UsageError, match="would unpack"):
        check_archive(tmp_path / "a.skops")


def test_damaged_ones_are_left_to_whoever_reads_them(tmp_path):
    archive(tmp_path / "a.skops", **{"rows.npz": b"PK\x03\x04 and so on", "x.npy": b"no array"})
    check_archive(tmp_path / "a.skops")


def csv_of_zeros(path, rows):
    with gzip.open(path, "wt") as file:
        file.write("a,y\n")
        for _ in range(rows // 1000):
            file.write("0.0000000,1\n" * 1000)


def test_a_text_file_of_gzip(tmp_path, small, registry):
    csv_of_zeros(tmp_path / "rows.csv.gz", 100_000)
    with pytest.raises(UsageError, match=r"rows.csv.gz' would unpack .* or unpack it yourself"):
        load_dataset(str(tmp_path / "rows.csv.gz"), registry, target="y")
    with pytest.raises(UsageError, match="would unpack"):
        load_dataset(str(tmp_path / "rows.csv.gz"), registry, target="y", separator=" ")


def test_an_honest_text_file_of_gzip(tmp_path, registry):
    csv_of_zeros(tmp_path / "rows.csv.gz", 5_000)
    table = load_dataset(str(tmp_path / "rows.csv.gz"), registry, target="y", task="regression")
    assert len(table) == 5_000


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_tables_of_one_value(suffix, tmp_path, small, registry):
    import pyarrow as pa
    from pyarrow import feather, parquet

    table = pa.table({"a": pa.nulls(10**6), "y": pa.nulls(10**6)})
    path = tmp_path / f"rows{suffix}"
    (parquet.write_table if suffix == ".parquet" else feather.write_feather)(table, path)
    with pytest.raises(UsageError, match="would unpack"):
        load_dataset(str(path), registry, target="y")


@pytest.mark.parametrize("compression", ["lz4", "uncompressed"])
@pytest.mark.parametrize("version", [1, 2])
def test_honest_feather(compression, version, tmp_path, registry):
    import pyarrow as pa
    from pyarrow import feather

    table = pa.table({"a": [1.0, 2.0, None], "b": ["x", "y", None], "y": [0, 1, 0]})
    how = {"compression": compression} if version == 2 else {}
    feather.write_feather(table, tmp_path / "rows.feather", version=version, **how)
    read = load_dataset(str(tmp_path / "rows.feather"), registry, target="y")
    assert read.feature_names == ("a", "b")


def test_a_network_whose_weights_say_more_than_there_is(tmp_path, small):
    import h5py

    weights = io.BytesIO()
    with h5py.File(weights, "w") as file:
        file.create_dataset("layers/dense/vars/0", (10**6, 10**6), "f4", compression="gzip")
    members = {"config.json": b"{}", "metadata.json": b"{}", "model.weights.h5": weights.getvalue()}
    archive(tmp_path / "big.keras", **members)
    with pytest.raises(UsageError, match=r"big.keras' would unpack from [\d,]+ to 4,000,000,000,0"):
        check_keras_file(tmp_path / "big.keras")
